"""The three services as processes beside the parts that `parts.sh up` started."""

import argparse
import os
import urllib.error
import urllib.request
from pathlib import Path

from . import folder as folders
from . import ports
from .failure import Failure, told
from .process import Process, stop

HOST = "127.0.0.1"


class Service:
    """A program of ours, ready when its admin port says so."""

    def __init__(self, name, folder, listen, admin):
        self.name, self.listen, self.admin = name, listen, admin
        self.process = Process(folder, name)

    def addresses(self):
        return [(HOST, port) for port in (self.listen, self.admin) if port]

    def start(self, programs, parts, schemas):
        env = {
            "FOLDLINE_SCHEMAS": str(schemas),
            "FOLDLINE_KAFKA_BROKERS": parts["kafka"].clients_use(),
            "FOLDLINE_CQL_NODES": parts["cassandra"].clients_use(),
            # Fewer than three nodes hold one copy of everything.
            "FOLDLINE_DEV": "true" if min(part.nodes for part in parts.values()) < 3 else "false",
            "FOLDLINE_ADMIN_LISTEN": f"{HOST}:{self.admin}",
        }
        if self.listen:
            env["FOLDLINE_LISTEN"] = f"{HOST}:{self.listen}"
        self.process.start([programs / self.name], env=env)

    def wait(self):
        self.process.wait_for(self._ready, patience_s=60)

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.admin}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


def main():
    arguments = _arguments()
    folder = arguments.dir.resolve()
    admin = arguments.admin_port
    services = [
        Service("command-api", folder, arguments.command_port, admin),
        Service("projector", folder, None, admin + 1),
        Service("query-api", folder, arguments.query_port, admin + 2),
    ]
    if arguments.call == "down":
        for process in stop([service.process for service in services]):
            print(f"{process.name} is stopped", flush=True)
        return
    with folders.alone(folder):
        _up(services, folder, arguments)


def _up(services, folder, arguments):
    waiting = [service for service in services if not service.process.running()]
    for service in waiting:
        ports.must_be_free(service.addresses(), "Stop it, or name other ports: COMMAND_PORT, QUERY_PORT, ADMIN_PORT.")
    if arguments.call == "ports":
        return
    parts = {part.name: part for part in folders.parts(folder)}
    if set(parts) != set(folders.KINDS):
        raise Failure(f"{folder} has no Kafka and Cassandra: `parts.sh up` starts them")
    for service in waiting:
        service.start(arguments.programs.resolve(), parts, arguments.schemas)
    for service in waiting:
        service.wait()
    for service in services:
        on = f" on http://{HOST}:{service.listen}" if service.listen else ""
        state = "is up" if service in waiting else "was up already"
        print(f"{service.name} {state}{on}, health and metrics on http://{HOST}:{service.admin}", flush=True)


def _arguments():
    parser = argparse.ArgumentParser(description="Starts and stops the three services beside native parts.")
    parser.add_argument("call", choices=("up", "down", "ports"), help="`ports` says whether what `up` would listen on is free")
    parser.add_argument("--dir", type=Path, default=Path(".foldline/native"), help="the folder of `parts.sh`")
    parser.add_argument("--programs", type=Path, default=Path("target/release"), help="where the programs were built")
    parser.add_argument("--schemas", type=Path, default=Path(os.environ.get("FOLDLINE_SCHEMAS", "schemas")))
    parser.add_argument("--command-port", type=int, default=8080)
    parser.add_argument("--query-port", type=int, default=8081)
    parser.add_argument("--admin-port", type=int, default=8090, help="the first of three")
    return parser.parse_args()


told(main)
