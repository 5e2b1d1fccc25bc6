"""Items of the table `messages` that more than one module writes."""

from __future__ import annotations

from ...model.log import Entry
from .table import Item, n, s, to_json


def stream_key(room_id: str, region: str) -> str:
    """The partition of a stream: its entries and its head."""
    return f"{room_id}#{region}"


def entry_item(entry: Entry) -> Item:
    item: Item = {
        "stream": s(stream_key(entry.room_id, entry.region)),
        "entry": s(f"e#{entry.message_id}"),
        "room_id": s(entry.room_id),
        "region": s(entry.region),
        "seq": n(entry.seq),
        "kind": s(entry.kind),
        "sender_id": s(entry.sender_id),
        "timestamp_ms": n(entry.timestamp_ms),
        "message_type": s(entry.message_type),
        "content": s(to_json(entry.content)),
        "deleted": {"BOOL": entry.deleted},
    }
    if entry.delivery_receipt:
        item["delivery_receipt"] = {"BOOL": True}
    for name in ("reply_to_message_id", "client_message_id", "target_id", "origin_id"):
        value = getattr(entry, name)
        if value is not None:
            item[name] = s(value)
    return item
