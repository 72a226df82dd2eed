"""Kafka brokers in KRaft mode: each is a broker and a controller."""

import subprocess

from . import jars, wire
from .failure import Failure
from .process import Process

HEAP_MIB = 384
# A cluster is known by this id; ours are told apart by their folders and ports.
CLUSTER = "Zm9sZGxpbmUta2Fma2EtMQ"


class Kafka:
    """Broker n of 1.. listens for clients on `port + 2 (n - 1)` and for its peers on the port above.

    With a detour, it listens 100 ports higher too, and sends who comes there to 200 ports higher: where a
    test stands in the way, which can cut the link.
    """

    name = "kafka"
    first_alone = False

    def __init__(self, folder, nodes, port, detour=False):
        self.folder, self.nodes, self.port, self.detour = folder, nodes, port, detour

    def numbers(self):
        return range(1, self.nodes + 1)

    def address(self, number):
        return "127.0.0.1", self.port + 2 * (number - 1)

    def addresses_of(self, number):
        host, port = self.address(number)
        return [(host, port), (host, port + 1)] + ([(host, port + 100)] if self.detour else [])

    def process(self, number):
        return Process(self.folder, f"kafka-{number}")

    def start(self, number):
        """Formats the broker's folder where it is new, and starts the broker."""
        home = self.folder / f"kafka-{number}"
        home.mkdir(parents=True, exist_ok=True)
        settings = home / "server.properties"
        settings.write_text(self._settings(number, home))
        if not (home / "data" / "meta.properties").exists():
            self._format(settings)
        return self.process(number).start([*_java(HEAP_MIB), "kafka.Kafka", settings], cwd=home)

    def wait(self, number):
        """Waits until the broker serves, and knows all that run."""
        running = sum(self.process(other).running() for other in self.numbers())
        ready = lambda: wire.brokers_known_to(*self.address(number)) >= running
        self.process(number).wait_for(ready, patience_s=180)

    def clients_use(self):
        return ",".join(f"{host}:{port}" for host, port in map(self.address, self.numbers()))

    def _format(self, settings):
        command = [*_java(64), "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", settings]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"the broker's folder can't be formatted: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    def _settings(self, number, home):
        host, port = self.address(number)
        voters = ",".join(f"{n}@{self.address(n)[0]}:{self.address(n)[1] + 1}" for n in self.numbers())
        copies = min(3, self.nodes)
        detour = (f",DETOUR://{host}:{port + 100}", f",DETOUR://{host}:{port + 200}") if self.detour else ("", "")
        lines = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{port + 1}{detour[0]}",
            "advertised.listeners": f"PLAINTEXT://{host}:{port}{detour[1]}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT",
            "log.dirs": home / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": max(1, copies - 1),
            "unclean.leader.election.enable": "false",
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 8,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": max(1, copies - 1),
            "transaction.state.log.num.partitions": 8,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": max(1, copies - 1),
            "group.initial.rebalance.delay.ms": 0,
            # A broker that dies is noticed soon.
            "broker.session.timeout.ms": 6000,
            # Small files: a laptop holds many topics of twelve partitions each.
            "log.index.size.max.bytes": 1 << 20,
            # A third of the heap by default, all of it held for good: the collector then never rests.
            "log.cleaner.dedupe.buffer.size": 32 << 20,
        }
        return "".join(f"{key}={value}\n" for key, value in lines.items())


def _java(heap_mib):
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [jars.java(), f"-Xms{heap_mib}m", f"-Xmx{heap_mib}m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", quiet, "-cp", f"{jars.of('kafka')}/*"]
