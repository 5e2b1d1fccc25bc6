"""The JSON websocket protocol: each text frame is one request or one event.

docs/reference/protocol.md describes it for clients.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..contract.events import Event
from ..contract.shapes import Shape
from ..kernel import nesting
from ..kernel.errors import BadRequest, TidingsError


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """A decoded frame.

    Attributes:
        request_id: The client's `id`, any JSON value, echoed in the answer.
        fault: Why the frame is invalid; then action and data are not set.
    """

    action: str = ""
    data: object = None
    request_id: Any = None
    fault: BadRequest | None = None


def decode(text: str) -> ActionRequest:
    """Decode a frame. Never raises: an invalid frame also gets an answer with its id."""
    try:
        frame = nesting.loads(text, "frame")
    except BadRequest as fault:
        return ActionRequest(fault=fault)
    except ValueError:
        return ActionRequest(fault=BadRequest("the frame is not JSON"))
    if not isinstance(frame, dict):
        return ActionRequest(fault=BadRequest("the frame is not a JSON object"))
    request_id = _echoable(frame.get("id"))
    action, data = frame.get("action"), frame.get("data", {})
    if not nesting.frame_within(frame):
        return ActionRequest(request_id=request_id, fault=nesting.too_deep("frame"))
    if not isinstance(action, str):
        return ActionRequest(request_id=request_id, fault=BadRequest("action: must be a string"))
    unknown = set(frame) - {"action", "data", "id"}
    if unknown:
        return ActionRequest(
            request_id=request_id,
            fault=BadRequest("the frame has unknown fields; use action, data and id"),
        )
    if data is None:
        data = {}
    if not isinstance(data, dict):
        return ActionRequest(request_id=request_id, fault=BadRequest("data: must be an object"))
    return ActionRequest(action, data, request_id)


def encode_event(event: Event) -> bytes:
    return _dump({"event": event.name, "data": event.data()})


def encode_ack(request_id: Any, ack: Shape) -> str:
    return _dump({"event": "ack", "id": request_id, "data": ack.data()}).decode()


def encode_error(request_id: Any, error: TidingsError) -> str:
    data = error.as_json()
    return _dump({"event": "error", "id": request_id, "data": data}).decode()


def _dump(frame: dict[str, Any]) -> bytes:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _echoable(value: Any) -> Any:
    """The id, or None if it is nested too deeply or cannot be encoded as UTF-8 JSON."""
    if not nesting.within(value, nesting.MAX_DEPTH):
        return None
    try:
        _dump({"id": value})
    except ValueError:
        return None
    return value
