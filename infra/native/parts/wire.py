"""Asks nodes in their own protocols: how many of its cluster one knows tells that it serves."""

import socket
import struct

KAFKA_METADATA = 3
CQL_STARTUP, CQL_QUERY = 1, 7
CQL_RESULT = 8
AT_ONE = 1
DROPPING_S = 60


def brokers_known_to(host, port):
    """How many brokers a broker knows, itself included; 0 while it does not serve."""
    name = b"foldline"
    # Metadata, version 1, correlation 1, our name, no topics.
    body = struct.pack(">hhih", KAFKA_METADATA, 1, 1, len(name)) + name + struct.pack(">i", 0)
    try:
        with _link(host, port) as link:
            link.sendall(struct.pack(">i", len(body)) + body)
            (length,) = struct.unpack(">i", _exactly(link, 4))
            # The correlation, then the list of brokers.
            return struct.unpack(">i", _exactly(link, length)[4:8])[0]
    except (OSError, EOFError):
        return 0


def nodes_known_to(host, port):
    """How many nodes a Cassandra node knows, itself included; 0 while it does not serve."""
    startup = struct.pack(">h", 1) + _text(b"CQL_VERSION") + _text(b"3.0.0")
    question = b"SELECT count(*) FROM system.peers"
    query = struct.pack(">i", len(question)) + question + struct.pack(">HB", AT_ONE, 0)
    try:
        with _link(host, port) as link:
            _cql(link, CQL_STARTUP, startup)
            kind, answer = _cql(link, CQL_QUERY, query)
    except (OSError, EOFError):
        return 0
    # The one row's one value is a bigint, and the last thing in the answer.
    return 1 + struct.unpack(">q", answer[-8:])[0] if kind == CQL_RESULT else 0


def drop_keyspace(host, port, name):
    """Drops a keyspace with all its tables; says whether the node did so."""
    statement = f'DROP KEYSPACE IF EXISTS "{name}"'.encode()
    try:
        with _link(host, port, DROPPING_S) as link:
            _cql(link, CQL_STARTUP, struct.pack(">h", 1) + _text(b"CQL_VERSION") + _text(b"3.0.0"))
            body = struct.pack(">i", len(statement)) + statement + struct.pack(">HB", AT_ONE, 0)
            return _cql(link, CQL_QUERY, body)[0] == CQL_RESULT
    except (OSError, EOFError):
        return False


def _cql(link, kind, body):
    link.sendall(struct.pack(">BBhBi", 4, 0, 0, kind, len(body)) + body)
    _, _, _, answered, length = struct.unpack(">BBhBi", _exactly(link, 9))
    return answered, _exactly(link, length)


def _text(text):
    return struct.pack(">h", len(text)) + text


def _link(host, port, patience_s=2):
    return socket.create_connection((host, port), timeout=patience_s)


def _exactly(link, count):
    got = b""
    while len(got) < count:
        piece = link.recv(count - len(got))
        if not piece:
            raise EOFError
        got += piece
    return got
