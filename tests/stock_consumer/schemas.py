"""The event schemas of a folder by the id that stands in each record.

The id is made from the schema alone: the first 31 bits of the SHA-256 of its normal form, in which named
types have their full names, are written out where they are first used, and have neither docs nor aliases.
Names are in the namespace `foldline.<aggregate>`, those of shared types in `foldline`.
"""

import hashlib
import json
import re

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
OTHERS = ("type", "logicalType", "precision", "scale")


def by_id(folder):
    """Every event schema below the folder, by its id."""
    found = {}
    shared = _types(folder, "foldline")
    for model in folder.glob("*/model.yaml"):
        name = re.search(r"^aggregate: *(\S+)", model.read_text(), re.MULTILINE)[1]
        namespace = "foldline." + name.replace("-", "_")
        types = {**shared, **_types(model.parent, namespace)}
        for path in model.parent.glob("events/*/*.avsc"):
            normal = _Normal(types, namespace).of(json.loads(path.read_text()))
            text = json.dumps(normal, separators=(",", ":"), ensure_ascii=False)
            first = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
            found[max(first >> 1, 1)] = normal
    return found


def _types(folder, namespace):
    files = (folder / "types").glob("*.avsc")
    return {path.stem: (json.loads(path.read_text()), namespace) for path in files}


class _Normal:
    def __init__(self, types, namespace):
        self.types, self.namespace, self.seen = types, namespace, set()

    def of(self, schema):
        if isinstance(schema, list):
            return [self.of(branch) for branch in schema]
        if isinstance(schema, str):
            return schema if schema in PRIMITIVES else self._referred(schema)
        match schema["type"]:
            case "record" | "enum":
                return self._named(schema)
            case "array":
                return {"type": "array", "items": self.of(schema["items"])}
            case "map":
                return {"type": "map", "values": self.of(schema["values"])}
        kept = {name: schema[name] for name in OTHERS if name in schema}
        return kept if len(kept) > 1 else kept["type"]

    def _referred(self, name):
        schema, namespace = self.types[name]
        outer, self.namespace = self.namespace, namespace
        normal = self._named(schema)
        self.namespace = outer
        return normal

    def _named(self, schema):
        name = f"{self.namespace}.{schema['name']}"
        if name in self.seen:
            return name
        self.seen.add(name)
        normal = {"type": schema["type"], "name": name}
        if schema["type"] == "enum":
            return normal | {key: schema[key] for key in ("symbols", "default") if key in schema}
        return normal | {"fields": [self._field(field) for field in schema["fields"]]}

    def _field(self, field):
        normal = {"name": field["name"], "type": self.of(field["type"])}
        return normal | ({"default": field["default"]} if "default" in field else {})
