"""Which parts a folder holds: `parts.json`, written by the first `up`."""

import fcntl
import json
import shutil
from contextlib import contextmanager

from .cassandra import Cassandra
from .kafka import Kafka

KINDS = {kind.name: kind for kind in (Kafka, Cassandra)}
LOCK = "lock"


@contextmanager
def alone(folder):
    """Lets one call at a time start things here: two brokers on the same data would ruin it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another call starts things in {folder}: waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def clear(folder):
    """Removes all but the lock, for whoever waits for it holds that very file."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def noted(folder):
    """Nodes and first port of each part, by its name."""
    try:
        return json.loads((folder / "parts.json").read_text())
    except FileNotFoundError:
        return {}


def note(folder, parts):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parts.json").write_text(json.dumps(parts))


def parts(folder):
    return [KINDS[name](folder, **settings) for name, settings in noted(folder).items()]
