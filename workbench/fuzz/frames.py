"""Broken frames: valid ones of each protocol, mutated. All choices come from one generator. Pure.

API Gateway passes on valid UTF-8 only, so that lone surrogates come as JSON's escapes.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.sessions.engine import NAMESPACES
from chalicelib.wire.engineio import SEPARATOR

ROOM = "lobby"
_ID = "0" * 26
# Of each action, data that it takes.
ACTIONS: Mapping[str, Mapping[str, Any]] = {
    "hello": {},
    "ping": {},
    "refresh_token": {"token": "a.b.c"},
    "sync": {"positions": {ROOM: ""}, "limit": 5},
    "send_message": {
        "conversation_id": ROOM,
        "message_type": "text",
        "content": {"text": "hi", "parts": [1, 2.5, None, True]},
        "client_message_id": "c1",
        "delivery_receipt": True,
    },
    "delete_message": {"conversation_id": ROOM, "message_id": _ID},
    "message_read": {"conversation_id": ROOM, "message_id": _ID},
    "message_delivered": {"conversation_id": ROOM, "message_id": _ID},
    "set_status": {"status": "away"},
    "join_room": {"room_id": ROOM},
    "leave_room": {"room_id": ROOM},
    "typing_start": {"conversation_id": ROOM},
    "typing_stop": {"conversation_id": ROOM},
}
_VALUES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 2**31, -(2**63), 10**40, 1.5, 1e308, -0.0),
    *("", " ", ROOM, "lobby\n", "\x00", "../..", "*", "x" * 300, "\u202e", "🧑‍🚀", "\ud800", "é"),
    *("us-east-1:1:" + _ID, "us-east-1:-1:x", "__proto__", "constructor", "p-0", "a.b.c"),
    *([], {}, [[]], {"": None}, {"$binary": "AA=="}, {"_placeholder": True, "num": 0}),
    {"_placeholder": True, "num": -1},
    {"_placeholder": True, "num": "0"},
)
_NAMES = ("", "action", "data", "id", "token", "user_id", "__proto__", "positions", "\ud800", "é")
_PIECES = (
    *'0123456789b/,-"[]{}:?\\\n\x00\x1e\u2028',
    *("40", "41", "42", "43", "44", "451-", "461-", "2probe", "5", "b!", "bAQID", "/moments,"),
    *("1e400", "NaN", "-Infinity", "\\ud800", "\\u0000", "null", '{"_placeholder":true,"num":0}'),
    *("[" * 70, '{"a":' * 70, "9" * 5000, "\ufeff", "𐏿", "%s%n", "🧑‍🚀"),
)
_LARGE_BYTES, _MOST_PACKETS = 40_000, 1_010


class Frames:
    """Makes inputs from a generator.

    Args:
        token: Makes a token of the fuzzed user.
    """

    def __init__(self, rng: random.Random, token: Callable[[], str]) -> None:
        self._rng = rng
        self._token = token

    def json_frame(self) -> str:
        """A frame of the JSON protocol."""
        action, data = self._action()
        frame: Any = {"action": action, "data": data, "id": self._rng.choice((1, "x", None, [1]))}
        return self._spoiled(self._dumped(self._changed(frame)))

    def engine_frame(self) -> str:
        """A text frame of an Engine.IO websocket."""
        return self._spoiled(self._packet())

    def payload(self) -> str:
        """The body of a POST of a polling client."""
        most = _MOST_PACKETS if self._rng.random() < 0.002 else 5
        packets = [self._packet() for _ in range(self._rng.randint(1, min(most, 5)))]
        if most > 5:
            packets *= most // len(packets) + 1
        return self._spoiled(SEPARATOR.join(packets))

    def query(self, sid: str) -> dict[str, str]:
        """The query of a polling request or a handshake."""
        valid = {"EIO": "4", "transport": "polling", "sid": sid, "t": "Pabcdef"}
        changed = self._changed(valid)
        if not isinstance(changed, dict):
            return {}
        texts = {str(name): str(value) for name, value in changed.items()}
        return {n: v for n, v in texts.items() if _encodable(n) and _encodable(v)}

    def handshake(self) -> tuple[dict[str, str], dict[str, str]]:
        """The query and the headers of a websocket's handshake."""
        query = self.query("none")
        if self._rng.random() < 0.5:
            query["transport"] = "websocket"
        if self._rng.random() < 0.5:
            query.pop("sid", None)
        if self._rng.random() < 0.3:
            query.pop("EIO", None)
        headers = {}
        if self._rng.random() < 0.7:
            query["token"] = self._spoiled(self._token())
        if self._rng.random() < 0.3:
            headers["Authorization"] = self._spoiled(f"Bearer {self._token()}")
        if self._rng.random() < 0.3:
            headers["Sec-WebSocket-Protocol"] = self._spoiled(f"bearer, {self._token()}")
        return query, headers

    def _action(self) -> tuple[str, Any]:
        name = self._rng.choice(list(ACTIONS))
        data = json.loads(json.dumps(ACTIONS[name]))
        if name == "refresh_token" and self._rng.random() < 0.5:
            data["token"] = self._token()
        return name, data

    def _packet(self) -> str:
        """An Engine.IO packet: most are messages, with a packet of Socket.IO."""
        kind = self._rng.random()
        if kind < 0.05:
            return self._rng.choice(("0", "1", "2", "2probe", "3", "3probe", "5", "6", "7", ""))
        if kind < 0.12:
            data = self._rng.randbytes(self._rng.randint(0, 40))
            return "b" + base64.b64encode(data).decode()
        return "4" + self._socket_packet()

    def _socket_packet(self) -> str:
        rng = self._rng
        kind = rng.choice((0, 1, *[2] * 24, *[3] * 3, 4, *[5] * 5, 6))
        namespace = rng.choice((*[""] * 12, *(f"{each}," for each in NAMESPACES), "/none,", "/,"))
        number = rng.choice(("", "", "7", "0", "999999999999999"))
        attachments = f"{rng.choice((0, *[1] * 8, 2, 3, 33, 999))}-" if kind in (5, 6) else ""
        name, data = self._action()
        if kind == 0:
            payload: Any = {"token": self._token()}
            if rng.random() < 0.5:
                payload |= {"recovery": True, "pid": "x" * 26, "offset": "us-east-1:1:x"}
        elif kind == 1:
            return f"1{namespace}"
        elif kind in (5, 6):
            data = {**data, "content": {"_placeholder": True, "num": rng.choice((0, 0, 1, 5))}}
            payload = [name, data]
        else:
            payload = [name, data] if kind != 3 else [data]
        if isinstance(payload, list) and rng.random() < 0.8:
            payload[-1] = self._changed(payload[-1])  # the packet stays one
        else:
            payload = self._changed(payload)
        text = self._dumped(payload) if rng.random() < 0.98 else ""
        return f"{kind}{attachments}{namespace}{number}{text}"

    def _changed(self, value: Any) -> Any:
        """The value, one time in three as it is; else with some of its parts changed."""
        for _ in range(self._rng.choice((0, 0, 1, 1, 1, 2))):
            value = self._change(value)
        return value

    def _change(self, value: Any) -> Any:
        rng = self._rng
        inner = isinstance(value, dict | list) and len(value) > 0
        if inner and rng.random() < 0.75:
            changed = dict(value) if isinstance(value, dict) else list(value)
            key: Any = (
                rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
            )
            if rng.random() < 0.15:
                del changed[key]
            else:
                changed[key] = self._change(value[key])
            return changed
        choice = rng.random()
        if choice < 0.1 and isinstance(value, dict):
            return {**value, rng.choice(_NAMES): rng.choice(_VALUES)}
        if choice < 0.15 and isinstance(value, str):
            return self._spoil(value)
        if choice < 0.2:
            return self._nested(value, rng.choice((2, 62, 64, 65, 66, 67, 200)))
        if choice < 0.22:
            return [value] * rng.choice((2, 101, 1_000))
        if choice < 0.23:
            return "x" * rng.choice((1_025, 32_768, 65_537))
        return rng.choice(_VALUES)

    def _nested(self, value: Any, levels: int) -> Any:
        for _ in range(levels):
            value = [value] if self._rng.random() < 0.5 else {"a": value}
        return value

    def _spoiled(self, text: str) -> str:
        """The text, three times in four as it is."""
        for _ in range(self._rng.choice((*[0] * 9, 1, 1, 2))):
            text = self._spoil(text)
        return text

    def _spoil(self, text: str) -> str:
        rng = self._rng
        at, piece = rng.randint(0, len(text)), str(rng.choice(_PIECES))
        match rng.randrange(6):
            case 0:
                return text[:at]
            case 1:
                return text[:at] + piece + text[at:]
            case 2:
                return text[:at] + piece + text[at + len(piece) :]
            case 3:
                return text[:at] + text[at + rng.randint(1, 8) :]
            case 4:
                return text + text[at:]
        times = rng.choice((2, 2, 2, 50))
        return text * times if len(text) * times <= _LARGE_BYTES else text

    def _dumped(self, value: Any) -> str:
        """JSON; what UTF-8 cannot carry is escaped."""
        plain = self._rng.random() < 0.5 and _encodable(json.dumps(value, ensure_ascii=False))
        return json.dumps(value, ensure_ascii=not plain)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
