"""Which parts a folder holds: `parts.json`, written by the first `up`."""

import json

from .cassandra import Cassandra
from .kafka import Kafka

KINDS = {kind.name: kind for kind in (Kafka, Cassandra)}


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
