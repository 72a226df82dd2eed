"""Starts and stops the parts. `parts.sh --help` says how."""

import argparse
import signal
from pathlib import Path

from . import folder as folders
from . import ports, wire
from .failure import Failure, told
from .folder import KINDS
from .process import stop

# What `make up` calls their first ports.
MAKES = {"kafka": "KAFKA_PORT", "cassandra": "CQL_PORT"}
DOC = "Real Kafka and real Cassandra as plain processes."


def main():
    arguments = _arguments()
    folder = arguments.dir.resolve()
    {"up": _up, "down": _down, "start": _start, "stop": _stop, "status": _status, "drop": _drop}[arguments.call](folder, arguments)


def _up(folder, wanted):
    with folders.alone(folder):
        _start_all(folder, wanted)


def _start_all(folder, wanted):
    nodes = {"kafka": wanted.kafka, "cassandra": wanted.cassandra}
    first = {"kafka": wanted.kafka_port, "cassandra": wanted.cassandra_port}
    asked = {name: {"nodes": nodes[name], "port": first[name]} for name in KINDS if nodes[name]}
    if wanted.detour and "kafka" in asked:
        asked["kafka"]["detour"] = True
    if wanted.fresh:
        _down(folder, wanted)
        folders.clear(folder)
    _check_settings(folder, asked)
    folders.note(folder, asked)
    parts = folders.parts(folder)
    waiting = [(part, number) for part in parts for number in part.numbers() if not part.process(number).running()]
    _check_ports(waiting)
    for part, number in waiting:
        part.start(number)
        if part.first_alone and number == 1:
            part.wait(number)
    for part, number in waiting:
        part.wait(number)
    for part in parts:
        state = "is up" if any(other is part for other, _ in waiting) else "was up already"
        print(f"{part.name} {state} on {part.clients_use()}", flush=True)


def _down(folder, _):
    for process in stop([part.process(number) for part in folders.parts(folder) for number in part.numbers()]):
        print(f"{process.name} is stopped", flush=True)


def _start(folder, arguments):
    part = _part(folder, arguments)
    part.start(arguments.number)
    part.wait(arguments.number)


def _stop(folder, arguments):
    how = signal.SIGKILL if arguments.kill else signal.SIGTERM
    stop([_part(folder, arguments).process(arguments.number)], how)


def _status(folder, _):
    for part in folders.parts(folder):
        for number in part.numbers():
            host, port = part.address(number)
            print(f"{part.name} {number} {host}:{port} {part.process(number).pid() or 'stopped'}")


def _drop(_, arguments):
    host, port = arguments.node.rsplit(":", 1)
    if not wire.drop_keyspace(host, int(port), arguments.keyspace):
        raise Failure(f"{arguments.node} did not drop the keyspace {arguments.keyspace}")


def _check_settings(folder, asked):
    noted = folders.noted(folder)
    if noted in ({}, asked):
        return
    if any(part.process(number).running() for part in folders.parts(folder) for number in part.numbers()):
        raise Failure(f"{folder} runs {_worded(noted)}, and {_worded(asked)} was asked for: `down` stops it")
    count = lambda parts: {name: part["nodes"] for name, part in parts.items()}
    if count(noted) != count(asked):
        remedy = "--fresh (or removing the folder) drops it, --dir names another folder"
        raise Failure(f"{folder} has the data of {_worded(noted)}, and {_worded(asked)} was asked for: {remedy}")


def _worded(parts):
    return " and ".join(f"{part['nodes']} of {name} from port {part['port']}" for name, part in parts.items())


def _check_ports(waiting):
    for part, number in waiting:
        remedy = f"Stop it, or give {part.name} other ports with --{part.name}-port ({MAKES[part.name]} of `make up`)."
        ports.must_be_free(part.addresses_of(number), remedy)


def _part(folder, arguments):
    for part in folders.parts(folder):
        if part.name == arguments.part and arguments.number in part.numbers():
            return part
    raise Failure(f"{folder} has no {arguments.part} {arguments.number}")


def _arguments():
    parser = argparse.ArgumentParser(prog="parts.sh", description=DOC)
    parser.add_argument("--dir", type=Path, default=Path(".foldline/native"), help="data, logs and pid files (%(default)s)")
    calls = parser.add_subparsers(dest="call", required=True)
    up = calls.add_parser("up", help="start what does not run, and wait until it serves")
    for name, port in (("kafka", 9092), ("cassandra", 9042)):
        up.add_argument(f"--{name}", type=int, default=1, choices=(0, 1, 3), metavar="N", help=f"nodes of {name}: 0, 1 or 3 (%(default)s)")
        up.add_argument(f"--{name}-port", type=int, default=port, metavar="P", help="its first port (%(default)s)")
    up.add_argument("--detour", action="store_true", help="let a test stand between Kafka and who asks for it")
    up.add_argument("--fresh", action="store_true", help="stop what the folder runs, and begin with no data")
    calls.add_parser("down", help="stop all that `up` started; the data stays")
    calls.add_parser("status", help="one line for each node")
    drop = calls.add_parser("drop", help="drop a keyspace that nobody needs any more: tables take memory")
    drop.add_argument("node", metavar="HOST:PORT")
    drop.add_argument("keyspace")
    for call in ("start", "stop"):
        one = calls.add_parser(call, help=f"{call} one node of those that `up` started")
        one.add_argument("part", choices=list(KINDS))
        one.add_argument("number", type=int)
        if call == "stop":
            one.add_argument("--kill", action="store_true", help="at once, as a power cut does")
    return parser.parse_args()


told(main)
