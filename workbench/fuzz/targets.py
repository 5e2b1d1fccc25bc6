"""Who sends the broken frames: one client of each kind, and what must hold after each input."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.kernel import ids
from chalicelib.model.identifiers import ConnectionId
from chalicelib.sessions.engine import NAMESPACES

from .frames import Frames
from .ground import Ground

USER = "mallory"
POLLING: Mapping[str, str] = {"EIO": "4", "transport": "polling"}
WEBSOCKET: Mapping[str, str] = {"EIO": "4", "transport": "websocket"}
_REFUSALS = (400, 401, 403, 413, 429)
_HELLO = '420["hello"]'


@dataclass(frozen=True, slots=True)
class Told:
    """What an input was answered.

    Attributes:
        given: The input.
        text: The answer's body.
        status: Of an HTTP answer; 200 for a frame.
    """

    given: str
    text: str
    status: int = 200


class Target:
    """A client that sends broken input until its session has ended."""

    name = ""

    def __init__(self, ground: Ground, frames: Frames, rng: random.Random) -> None:
        self.ground, self.frames, self.rng = ground, frames, rng

    def send(self) -> Told:
        """Send one input."""
        raise NotImplementedError

    def faults(self, told: Told) -> Iterator[str]:
        """What is wrong with the answer, and with the session after it."""
        raise NotImplementedError

    def outcome(self, told: Told) -> str:
        """The answer in a word, to count."""
        raise NotImplementedError

    @property
    def ended(self) -> bool:
        """Whether its session has ended, so that a new one is needed."""
        return False

    def probe(self) -> str | None:
        """What is wrong with a session that shall still live, None if it does."""
        return None

    def leave(self) -> None:
        """End the session, if it has not ended."""


class JsonTarget(Target):
    name = "json websocket"

    def __init__(self, ground: Ground, frames: Frames, rng: random.Random) -> None:
        super().__init__(ground, frames, rng)
        self.id, status = ground.connect({"token": ground.token(USER)})
        assert status == 200, status

    def send(self) -> Told:
        given = self.frames.json_frame()
        if self.rng.random() < 0.1:
            given = self.frames.engine_frame()
        return Told(given, self.ground.say(self.id, given))

    def faults(self, told: Told) -> Iterator[str]:
        code = self.outcome(told)
        if code not in _CODES:
            yield f"answered with {code}"
        if self.id in self.ground.posts.closed:
            yield f"the connection was closed after {code}"

    def outcome(self, told: Told) -> str:
        try:
            answer = json.loads(told.text)
            return str(answer["data"]["code"] if answer["event"] == "error" else answer["event"])
        except (ValueError, KeyError, TypeError):
            return f"no frame: {told.text[:60]!r}"

    @property
    def ended(self) -> bool:
        return self.id not in self.ground.posts.open

    def probe(self) -> str | None:
        told = self.ground.say(self.id, '{"action":"hello","id":"probe"}')
        return None if told.startswith('{"event":"ack","id":"probe"') else f"no ack: {told[:90]}"

    def leave(self) -> None:
        self.ground.end(self.id)


_CODES = {
    *("ack", "rate_limited"),
    # What a client's own fault may be answered with.
    *("bad_request", "permission_denied", "not_found", "conflict", "too_large"),
    *("unknown_action", "unauthorized"),
}


class EngineTarget(Target):
    """A Socket.IO client on a websocket."""

    name = "engine.io websocket"

    def __init__(self, ground: Ground, frames: Frames, rng: random.Random) -> None:
        super().__init__(ground, frames, rng)
        self.id, status = ground.connect(WEBSOCKET)
        assert status == 200, status
        ground.pump()
        answer = ground.say(self.id, "40" + json.dumps({"token": ground.token(USER)}))
        assert answer.startswith('40{"sid"'), answer

    def send(self) -> Told:
        given = self.frames.engine_frame()
        return Told(given, self.ground.say(self.id, given))

    def faults(self, told: Told) -> Iterator[str]:
        posted = self.ground.posts.taken.pop(self.id, [])
        for text in (told.text, *posted):
            if text and text[0] not in "0123456b":
                yield f"not of the protocol: {text[:60]!r}"
            if '"code":"internal"' in text:
                yield "answered with internal"
        yield from self._half_ended()

    def _half_ended(self) -> Iterator[str]:
        kept = self.ground.twins["sessions"].get(ConnectionId(self.id)) is not None
        is_open = self.id in self.ground.posts.open
        if kept != is_open:
            yield f"the session is {'kept' if kept else 'gone'}, its websocket is not"
        if not is_open:
            yield from _sockets(self.ground, self.id)

    def outcome(self, told: Told) -> str:
        if self.ended:
            return "ended"
        code = told.text.partition('"code":"')[2].partition('"')[0]
        return code or ("answered" if told.text else "nothing")

    @property
    def ended(self) -> bool:
        return self.id not in self.ground.posts.open

    def probe(self) -> str | None:
        if not _ready(self.ground, self.id):
            return None
        told = self.ground.say(self.id, _HELLO)
        return None if told.startswith('430[{"ok":true') else f"no ack: {told[:90]!r}"

    def leave(self) -> None:
        self.ground.end(self.id)


class PollingTarget(Target):
    """A Socket.IO client that polls."""

    name = "engine.io polling"

    def __init__(self, ground: Ground, frames: Frames, rng: random.Random) -> None:
        super().__init__(ground, frames, rng)
        answer = ground.ask("GET", POLLING)
        assert answer.status == 200, answer
        self.id = str(json.loads(answer.text[1:])["sid"])
        self._polls = 0
        self._post("40" + json.dumps({"token": ground.token(USER)}))
        assert '40{"sid"' in self._poll(), "not connected"

    def send(self) -> Told:
        kind = self.rng.random()
        if kind < 0.1:
            method = self.rng.choice(("GET", "POST", "PUT", ""))
            query, body = self.frames.query(self.id), self.frames.payload()
            answer = self.ground.ask(method, query, body)
            return Told(f"{method} {query} {body}", answer.text, answer.status)
        if kind < 0.25:
            self._polls += 1
            if kind < 0.24:
                self.ground.release(self.id)
            answer = self.ground.ask("GET", self._query())
            return Told("GET", answer.text, answer.status)
        given = self.frames.payload()
        answer = self.ground.ask("POST", self._query(), given)
        return Told(given, answer.text, answer.status)

    def faults(self, told: Told) -> Iterator[str]:
        if told.status not in (200, *_REFUSALS):
            yield f"HTTP {told.status}: {told.text[:60]!r}"
        if '"code":"internal"' in told.text:
            yield "answered with internal"
        if self.ended:
            yield from _sockets(self.ground, self.id)

    def outcome(self, told: Told) -> str:
        return f"HTTP {told.status}" + (", ended" if self.ended else "")

    @property
    def ended(self) -> bool:
        return self.ground.twins["sessions"].get(ConnectionId(self.id)) is None

    def probe(self) -> str | None:
        if not _ready(self.ground, self.id):
            return None
        self._poll()
        status = self._post(_HELLO)
        told = self._poll()
        return None if '430[{"ok":true' in told else f"no ack: {status} {told[:90]!r}"

    def leave(self) -> None:
        """One in two closes; the other is lost, and its session times out."""
        if self.rng.random() < 0.5:
            self._post("1")

    def _post(self, body: str) -> int:
        return self.ground.ask("POST", self._query(), body).status

    def _poll(self) -> str:
        self._polls += 1
        self.ground.release(self.id)
        return self.ground.ask("GET", self._query()).text

    def _query(self) -> dict[str, str]:
        return {**POLLING, "sid": self.id, "t": f"Poll{self._polls:04}"}


class UpgradeTarget(EngineTarget):
    """A Socket.IO client that offers a websocket to its polling session."""

    name = "engine.io upgrade"

    def __init__(self, ground: Ground, frames: Frames, rng: random.Random) -> None:
        Target.__init__(self, ground, frames, rng)
        self._polling = PollingTarget(ground, frames, rng)
        self.id, status = ground.connect({**WEBSOCKET, "sid": self._polling.id})
        assert status == 200, status
        self._left = 12

    def send(self) -> Told:
        self._left -= 1
        given = self.frames.engine_frame()
        if self.rng.random() < 0.4:
            given = self.rng.choice(("2probe", "5", "5", "6"))
        if self.rng.random() < 0.2:
            return self._polling.send()
        return Told(given, self.ground.say(self.id, given))

    def faults(self, told: Told) -> Iterator[str]:
        if told.status not in (200, *_REFUSALS):
            yield f"HTTP {told.status}: {told.text[:60]!r}"
        posted = self.ground.posts.taken.pop(self.id, [])
        if any('"code":"internal"' in text for text in (told.text, *posted)):
            yield "answered with internal"

    def outcome(self, told: Told) -> str:
        if told.status != 200:
            return f"HTTP {told.status}"
        return super().outcome(told)

    @property
    def ended(self) -> bool:
        return not self._left or super().ended

    def probe(self) -> str | None:
        return None

    def leave(self) -> None:
        self._polling.leave()
        self.ground.end(self.id)


class HandshakeTarget(Target):
    """A stranger who opens websockets."""

    name = "handshake"

    def send(self) -> Told:
        query, headers = self.frames.handshake()
        connection_id, status = self.ground.connect(query, headers)
        if status == 200:
            self.ground.pump()
            self.ground.end(connection_id)
        return Told(f"{query} {headers}", "", status)

    def faults(self, told: Told) -> Iterator[str]:
        if told.status not in (200, *_REFUSALS):
            yield f"HTTP {told.status}"

    def outcome(self, told: Told) -> str:
        return f"HTTP {told.status}"


TARGETS: Mapping[type[Target], float] = {
    JsonTarget: 0.3,
    EngineTarget: 0.3,
    PollingTarget: 0.25,
    UpgradeTarget: 0.1,
    HandshakeTarget: 0.05,
}


def _sockets(ground: Ground, sid: str) -> Iterator[str]:
    """The sockets that a session has left behind."""
    for namespace in NAMESPACES:
        if ground.socket(ids.socket_id(ConnectionId(sid), namespace)):
            yield f"the session has ended, and its socket of {namespace} is kept"


def _ready(ground: Ground, sid: str) -> bool:
    """Whether a session may be asked: it is connected, and waits for no attachment."""
    sessions = ground.twins["sessions"]
    session = sessions.get(ConnectionId(sid))
    is_connected = session is not None and "/" in session.namespaces
    return is_connected and not sessions.gathered(ConnectionId(sid))
