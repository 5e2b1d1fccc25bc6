"""Socket.IO clients of a world: on a websocket, polling, and one with recovery."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import polling
from chalicelib.model.delivery import Outcome
from chalicelib.wire import socketio
from tests.support.world import World

REFUSED = [Outcome.UNSENT, Outcome.BUSY, Outcome.THROTTLED]
LONG = [Outcome.UNSENT] * 30  # more failures than a post is retried at once


class Client:
    """A Socket.IO client of a world, frame by frame."""

    def __init__(self, world: World, sid: str, /, **query: str) -> None:
        self.world, self.sid = world, sid
        event = world.connect_event(sid, None)
        event["queryStringParameters"] = {"EIO": "4", "transport": "websocket", **query}
        self.answer = websocket.connect(world.services, event)

    def say(self, frame: str) -> str:
        """Send a frame; return the answer in the return body."""
        return self.world.say(self.sid, frame)

    def connect(self, user: str, namespace: str = "/") -> str:
        prefix = "" if namespace == "/" else f"{namespace},"
        answer = self.say(f"40{prefix}" + json.dumps({"token": self.world.token(user)}))
        answer = answer or self.posted[-1]  # posted if Redis does not know the session
        assert answer.startswith(f"40{prefix}"), answer
        return str(json.loads(answer.removeprefix(f"40{prefix}"))["sid"])

    def act(self, action: str, data: Any, namespace: str = "") -> Any:
        answer = self.say(f"42{namespace}7" + json.dumps([action, data]))
        assert answer.startswith(f"43{namespace}7["), answer
        [result] = json.loads(answer.removeprefix(f"43{namespace}7"))
        return result

    @property
    def posted(self) -> list[str]:
        return [frame for sid, frame in self.world.poster.raw if sid.split("|")[0] == self.sid]

    @property
    def closed(self) -> bool:
        return self.sid in self.world.poster.closed

    def events(self, prefix: str = "42") -> list[list[Any]]:
        frames = [frame for frame in self.posted if frame.startswith(f"{prefix}[")]
        return [json.loads(frame.removeprefix(prefix)) for frame in frames]


class Poller:
    """A polling client of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        answer = self.ask("GET")
        assert answer.status == 200, answer
        self.handshake = json.loads(answer.text[1:])
        self.sid = self.handshake["sid"]

    def ask(self, method: str, body: str = "", **query: str) -> polling.Answer:
        query = {"EIO": "4", "transport": "polling", **query}
        request = rest.HttpRequest({}, query, {}, body)
        return polling.handle(self.world.services, request, method)

    def post(self, body: str) -> int:
        return self.ask("POST", body, sid=self.sid).status

    def poll(self) -> str:
        answer = self.ask("GET", sid=self.sid)
        assert answer.status == 200, answer
        return answer.text

    def connect(self, user: str) -> None:
        assert self.post("40" + json.dumps({"token": self.world.token(user)})) == 200
        assert self.poll().startswith('40{"sid":"')


class Device:
    """A stock client with recovery: its pid, and the last text argument that ended an event.

    Attributes:
        messages: All messages, in order, over all its connections.
        got: Their contents.
    """

    def __init__(self, world: World, user: str, namespace: str = "/") -> None:
        self.world, self.user, self.namespace = world, user, namespace
        self.sid, self.pid, self.offset = "", None, None
        self.recovered = False
        self.got: list[Any] = []
        self.messages: list[dict[str, Any]] = []
        self._connections = 0
        self._read = 0

    @property
    def _prefix(self) -> str:
        return "" if self.namespace == "/" else f"{self.namespace},"

    def come(self, **payload: Any) -> Device:
        """Open a new connection and connect the namespace; wait for its answer."""
        self.ask(**payload)
        self.world.pump(until_ms=self.world.clock.ms)
        self.read()
        return self

    def ask(self, **payload: Any) -> None:
        self._open()
        self._connect(**payload)

    def leave(self) -> None:
        """Leave the namespace; the transport stays."""
        assert self.world.say(self.id, f"41{self._prefix}".removesuffix(",")) == ""

    def come_back(self, **payload: Any) -> Device:
        """Connect the namespace again over the same transport, and wait for its answer."""
        self._connect(**payload)
        self.world.pump(until_ms=self.world.clock.ms)
        self.read()
        return self

    def _open(self) -> None:
        self._connections += 1
        self.id = f"{self.user}-{self._connections}="
        event = self.world.connect_event(self.id, None)
        event["queryStringParameters"] = {"EIO": "4", "transport": "websocket"}
        assert websocket.connect(self.world.services, event)["statusCode"] == 200

    def _connect(self, **payload: Any) -> None:
        token = {"token": self.world.token(self.user), "recovery": True}
        known = {"pid": self.pid, "offset": self.offset} if self.pid else {}
        body = json.dumps({**known, **token, **payload})
        assert self.world.say(self.id, f"40{self._prefix}{body}") == ""

    def read(self) -> list[str]:
        """Read the new posts; return the names of events, and `connect`."""
        frames = [frame for sid, frame in self.world.poster.raw if sid.split("|")[0] == self.id]
        fresh, self._read = frames[self._read :], len(frames)
        names, events = [], []
        for frame in fresh:
            text = frame[2:].removeprefix(self._prefix)
            if frame.startswith("40"):
                answer = json.loads(text)
                self.recovered = self.pid is not None and self.pid == answer.get("pid")
                self.sid, self.pid = answer["sid"], answer.get("pid")
                names.append("connect")
            elif frame.startswith("42"):
                events.append(socketio.decode(frame[1:]).data)
                names.append(events[-1][0])
        for name, data, *rest_ in events:
            if name in ("message_received", "moment_posted"):
                self.got.append(data["content"])
                self.messages.append(data)
            if rest_:
                self.offset = rest_[0]
        return names

    def hear(self) -> list[Any]:
        """Process the queues until they are empty; return all messages so far."""
        self.world.pump(until_ms=self.world.clock.ms)
        self.read()
        return self.got

    def cut(self) -> None:
        """Break the transport; the server notices."""
        self.world.disconnect(self.id)
        self._read = 0

    def lose(self) -> None:
        """Break the transport; the server does not notice."""
        self._read = 0

    @property
    def closed(self) -> bool:
        return self.id in {each.split("|")[0] for each in self.world.poster.closed}


def contents(frames: list[str]) -> list[str]:
    events = [json.loads(frame[2:]) for frame in frames if frame.startswith("42[")]
    return [data["content"] for name, data in events if name == "message_received"]


def say(world: World, who: str, content: str, room: str = "one") -> None:
    """Send a text as `who`, and process the queues until they are empty.

    A millisecond passes, as in one millisecond the rooms' messages have no order.
    """
    send(world, who, content, room)
    world.pump(until_ms=world.clock.ms)


def send(world: World, who: str, content: str, room: str = "one") -> None:
    """Send a text as `who`, a millisecond later."""
    world.clock.ms += 1
    body = {"conversation_id": room, "message_type": "text", "content": content}
    world.act(who, "send_message", **body)
