"""The size limits of a message, checked before it is sent: a larger one ends the connection (1009).

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from .errors import ActionError
from .inbox import Event

FRAME_BYTES = 32 * 1024
MESSAGE_BYTES = 128 * 1024
_SYNC_CONVERSATIONS = 100  # the maximum in one `sync`
_SYNC_BYTES = 24 * 1024


def encode(action: str, data: Event, number: int) -> list[str]:
    """Encode a message as the texts of its frames.

    Raises:
        ActionError: `too_large`.
    """
    frame = {"action": action, "data": data, "id": number}
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # a lone surrogate can only be sent as an escape
        text = json.dumps(frame, separators=(",", ":"))
        size = len(text)
    if size > MESSAGE_BYTES:
        raise ActionError(
            "too_large",
            f"{action} takes {size} bytes as JSON in UTF-8, "
            f"the limit of a websocket message is {MESSAGE_BYTES}: shorten it",
            False,
        )
    return [text] if size <= FRAME_BYTES else _pieces(text)


def syncable(positions: Mapping[str, str]) -> dict[str, str]:
    """As many of these positions as fit into one `sync`; at least one."""
    chosen: dict[str, str] = {}
    room_for = _SYNC_BYTES
    for conversation_id, position in positions.items():
        room_for -= len(json.dumps([conversation_id, position]))
        if chosen and (room_for < 0 or len(chosen) == _SYNC_CONVERSATIONS):
            break
        chosen[conversation_id] = position
    return chosen


def _pieces(text: str) -> list[str]:
    """Split a text into frames; a character has at most 4 bytes."""
    length = FRAME_BYTES // 4
    return [text[start : start + length] for start in range(0, len(text), length)]
