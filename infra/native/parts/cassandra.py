"""Cassandra nodes: node n of 1.. is 127.0.0.n, all on the same ports."""

from . import jars, wire
from .process import Process

HEAP_MIB = 768
HERE = jars.HERE

EXPORTS = """java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch java.base/java.lang.ref
java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql
jdk.unsupported/sun.misc""".split()
OPENS = """java.base/java.lang java.base/java.lang.module java.base/java.io java.base/java.nio java.base/java.util
java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/jdk.internal.loader
java.base/jdk.internal.ref java.base/jdk.internal.reflect java.base/jdk.internal.math java.base/jdk.internal.module
java.base/jdk.internal.util.jar java.base/sun.nio.ch jdk.management/com.sun.management.internal""".split()


class Cassandra:
    """Clients speak to `port`, nodes to each other on the port above it."""

    name = "cassandra"
    # The others ask it into what cluster they were born.
    first_alone = True

    def __init__(self, folder, nodes, port):
        self.folder, self.nodes, self.port = folder, nodes, port

    def numbers(self):
        return range(1, self.nodes + 1)

    def address(self, number):
        return f"127.0.0.{number}", self.port

    def addresses_of(self, number):
        host, port = self.address(number)
        return [(host, port), (host, port + 1)]

    def process(self, number):
        return Process(self.folder, f"cassandra-{number}")

    def start(self, number):
        """Writes the node's settings and starts it."""
        home = self.folder / f"cassandra-{number}"
        conf = home / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        (conf / "cassandra.yaml").write_text(self._settings(number, home))
        (conf / "cassandra-rackdc.properties").write_text(f"dc=datacenter1\nrack=rack{number}\n")
        (conf / "logback.xml").write_text((HERE / "logback.xml").read_text())
        return self.process(number).start(_command(home), cwd=home)

    def wait(self, number):
        """Waits until the node answers clients, and knows all that run."""
        running = sum(self.process(other).running() for other in self.numbers())
        ready = lambda: wire.nodes_known_to(*self.address(number)) >= running
        self.process(number).wait_for(ready, patience_s=180)

    def clients_use(self):
        return ",".join(f"{host}:{port}" for host, port in map(self.address, self.numbers()))

    def _settings(self, number, home):
        host, port = self.address(number)
        # Fixed tokens: nodes that start at the same time need not agree on any.
        token = -(1 << 63) + (number - 1) * ((1 << 64) // self.nodes)
        # All are seeds, so that each can come back while any other is away.
        seeds = ",".join(f"{self.address(n)[0]}:{port + 1}" for n in self.numbers())
        return f"""cluster_name: foldline
num_tokens: 1
initial_token: "{token}"
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: [{home}/data]
commitlog_directory: {home}/commitlog
saved_caches_directory: {home}/saved_caches
hints_directory: {home}/hints
cdc_raw_directory: {home}/cdc_raw
commitlog_sync: batch
commitlog_total_space: 512MiB
memtable_heap_space: 96MiB
memtable_offheap_space: 96MiB
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{ seeds: "{seeds}" }}]
listen_address: {host}
rpc_address: {host}
storage_port: {port + 1}
native_transport_port: {port}
endpoint_snitch: GossipingPropertyFileSnitch
dynamic_snitch: false
auto_snapshot: false
"""


def _command(home):
    java, libs = jars.java(), jars.of("cassandra")
    return [
        java,
        f"-Xms{HEAP_MIB}m",
        f"-Xmx{HEAP_MIB}m",
        "-XX:+UseSerialGC",
        "-Djdk.attach.allowAttachSelf=true",
        f"-javaagent:{next(libs.glob('jamm-*.jar'))}",
        f"-Dcassandra.config=file://{home}/conf/cassandra.yaml",
        f"-Dcassandra.storagedir={home}",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        "-Dcassandra.ring_delay_ms=1000",
        "-Dcassandra.superuser_setup_delay_ms=0",
        *(f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in OPENS),
        "-cp",
        f"{home}/conf:{libs}/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]
