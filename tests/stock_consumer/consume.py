"""A consumer that knows nothing of Foldline but its topic: Kafka's client, Avro's, and the schemas.

    consume.py BROKERS TOPIC SCHEMAS

Reads from the topic's beginning and keeps its own book of orders. A number on standard input is how many
events there are; when all were seen and nothing more comes, the book is printed as JSON.
"""

import io
import json
import sys
import threading
import time
from pathlib import Path

import fastavro
from confluent_kafka import Consumer

import schemas

PATIENCE_S, QUIET_S = 60, 3


def main(brokers, topic, folder):
    known = schemas.by_id(Path(folder))
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"stranger-{topic}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    book, seen, told = {}, set(), []
    threading.Thread(target=lambda: told.append(int(sys.stdin.readline() or -1)), daemon=True).start()
    last, deadline = time.monotonic(), None
    while True:
        message = consumer.poll(0.2)
        now = time.monotonic()
        if message is not None and message.error() is None:
            last = now
            take(message, known, book, seen)
        deadline = deadline or (now + PATIENCE_S if told else None)
        if told and (now > deadline or (len(seen) >= told[0] and now - last > QUIET_S)):
            break
    consumer.close()
    json.dump({"events": len(seen), "orders": book}, sys.stdout)


def take(message, known, book, seen):
    """Books one record; a claim has no key and is none of a stranger's business."""
    if message.key() is None:
        return
    headers = {name: value.decode() for name, value in message.headers()}
    # At least once is what a stranger gets; the id tells a second time.
    if headers["ce_id"] in seen:
        return
    seen.add(headers["ce_id"])
    value = message.value()
    magic, schema = value[0], int.from_bytes(value[1:5], "big")
    assert magic == 0, f"not Confluent's wire format: {value[:5]}"
    event = fastavro.schemaless_reader(io.BytesIO(value[5:]), known[schema])
    order = book.setdefault(message.key().decode(), {"version": 0})
    version = int(headers["fl-version"])
    assert version == order["version"] + 1, f"{message.key()}: {version} after {order['version']}"
    order["version"] = version
    match headers["ce_type"]:
        case "OrderPlaced":
            order.update(status="placed", customer=event["customer"], total=event["total"])
        case "OrderPaid":
            order.update(status="paid")


main(*sys.argv[1:])
