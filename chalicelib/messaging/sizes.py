"""How many bytes messages take in an answer, and how many of them one answer can carry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..contract.messages import Message
from ..model.identifiers import RoomId
from ..model.log import Entry

# Of the 128 KB of a websocket message; the rest is for the frame around it and the request's id.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
SYNC_BYTES = 120 * 1024
# Of the 6 MB of a function's response. https://docs.aws.amazon.com/lambda/latest/dg/API_Invoke.html
PAGE_BYTES = 5_500_000
_FIELDS_BYTES = 160  # of a conversation in the ack of sync: field names, flags, counts, an id


def of_conversation(room_id: RoomId, position: str) -> int:
    """Return the bytes that a conversation takes in the ack of sync, without its messages."""
    return _FIELDS_BYTES + len(room_id) + len(position.encode())


def of_message(entry: Entry) -> int:
    """Return the bytes that a message takes in a frame, which is UTF-8."""
    return len(_dump(Message.of(entry).data(), ascii_only=False).encode()) + 1


def of_listed(entry: Entry) -> int:
    """Return the bytes that a message takes in an HTTP answer.

    The answer is ASCII, and is escaped once more as a string in the function's response.
    """
    return len(_dump(_dump(Message.of(entry).data(), ascii_only=True), ascii_only=True)) + 1


def of_view(view: Mapping[str, Any]) -> int:
    """Return the bytes that a part of a list takes in an HTTP answer, as `of_listed`."""
    return len(_dump(_dump(view, ascii_only=True), ascii_only=True)) + 1


def fitting(sizes: Iterable[int], room_for: int) -> int:
    """Count how many items fit, starting with the first."""
    count = 0
    for size in sizes:
        room_for -= size
        if room_for < 0:
            break
        count += 1
    return count


def page(entries: list[Entry], more: bool, *, newest: bool = False) -> tuple[list[Entry], bool]:
    """Return the entries of a page that fit into an HTTP answer, and whether there is more.

    Args:
        newest: Keep the newest entries, so leave out from the start and not from the end.
    """
    sizes = map(of_listed, reversed(entries) if newest else entries)
    count = fitting(sizes, PAGE_BYTES)
    kept = entries[len(entries) - count :] if newest else entries[:count]
    return kept, more or count < len(entries)


def _dump(value: Any, *, ascii_only: bool) -> str:
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
