"""The items of the table `messages`, and what they say."""

from __future__ import annotations

from ...kernel import nesting
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ...model.log import Copy, Duplicate, Entry, EntryKind, Head, Reach
from . import tail_slots
from .keys import ENTRY, dedupe_key, entry_key, stream_key
from .table import Item, integer, n, s, text, to_json

DEDUPE_S = 24 * 3600
_REACH, _PASSED = "reach#", "passed#"


def head_of(item: Item) -> Head:
    seq = integer(item, "seq")
    last_id, tail = MessageId(text(item, "last_id")), tail_slots.read(item, seq)
    return Head(seq, last_id, tail, _reach(item))


def reach_names(region: Region) -> dict[str, str]:
    """Return the attributes of a head item that hold the fields of a region's `Reach`."""
    return {
        "seq": f"{_REACH}{region}",
        "last_id": f"reach_id#{region}",
        "passed": f"{_PASSED}{region}",
    }


def _reach(item: Item) -> dict[Region, Reach]:
    named = {
        Region(name.removeprefix(start))
        for name in item
        for start in (_REACH, _PASSED)
        if name.startswith(start)
    }
    found = {}
    for region in named:
        names = reach_names(region)
        last_id = MessageId(text(item, names["last_id"]))
        found[region] = Reach(integer(item, names["seq"]), last_id, integer(item, names["passed"]))
    return found


def copy_of(room_id: RoomId, item: Item) -> Copy:
    return Copy(
        room_id,
        MessageId(text(item, "entry")),
        Region(text(item, "region")),
        integer(item, "seq"),
        MessageId(text(item, "of_id")),
        Region(text(item, "of_region")),
    )


def duplicate_of(item: Item) -> Duplicate:
    return Duplicate(
        MessageId(text(item, "message_id")),
        Region(text(item, "region")),
        integer(item, "seq"),
        integer(item, "timestamp_ms"),
    )


def dedupe_item(entry: Entry, dedupe: str, at_ms: int) -> Item:
    """Return the item that says with which entry a dedupe key was used, and when."""
    return {
        "stream": s(dedupe_key(entry.room_id)),
        "entry": s(dedupe),
        "message_id": s(entry.message_id),
        "region": s(entry.region),
        "seq": n(entry.seq),
        "timestamp_ms": n(entry.timestamp_ms),
        "expires_ms": n(at_ms + DEDUPE_S * 1000),
        "ttl": n(at_ms // 1000 + DEDUPE_S + 3600),
    }


def entry_item(entry: Entry) -> Item:
    item: Item = {
        "stream": s(stream_key(entry.room_id, entry.region)),
        "entry": s(entry_key(entry.message_id)),
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
    if entry.kept:
        item["kept"] = {"BOOL": True}
    for name in ("reply_to_message_id", "client_message_id", "target_id", "origin_id"):
        value = getattr(entry, name)
        if value is not None:
            item[name] = s(value)
    return item


def entry_of(item: Item) -> Entry:
    def optional(name: str) -> str | None:
        return text(item, name) if name in item else None

    content = optional("content")
    reply, target, origin = (
        optional("reply_to_message_id"),
        optional("target_id"),
        optional("origin_id"),
    )
    return Entry(
        room_id=RoomId(text(item, "room_id")),
        region=Region(text(item, "region")),
        seq=integer(item, "seq"),
        message_id=MessageId(text(item, "entry")[len(ENTRY) :]),
        kind=EntryKind(text(item, "kind")),
        sender_id=UserId(text(item, "sender_id")),
        timestamp_ms=integer(item, "timestamp_ms"),
        message_type=text(item, "message_type"),
        content=nesting.read(content) if content is not None else None,
        reply_to_message_id=MessageId(reply) if reply else None,
        client_message_id=optional("client_message_id"),
        target_id=MessageId(target) if target else None,
        deleted=bool(item["deleted"]["BOOL"]),
        origin_id=ConnectionId(origin) if origin else None,
        delivery_receipt="delivery_receipt" in item,
        kept="kept" in item,
    )
