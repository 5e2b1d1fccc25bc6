"""API Gateway: sockets between clients and functions, and @connections.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.entrypoints import websocket
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.services import Services

from .functions import TIMEOUT_S, Functions
from .injection import FaultInjector
from .ports import Calls
from .scheduler import Result, Scheduler
from .trace import Trace

WIRE_US = 20_000
SHOWN = 120  # characters of a frame in a trace
THROTTLED = 0.3  # of the posts that are refused: the client reads too slowly
# A socket whose client is silently gone is found out by API Gateway after its idle timeout.
IDLE_US = 600_000_000
LONG_US = 30_000_000
PROBES = (b"2", b"6", b'{"event":"ping"')


@dataclass
class Socket:
    """One websocket; the client's end of it is a `lines.Line`.

    Attributes:
        receive: Takes each frame at the client.
        ended: Set when the client learns that the connection has ended.
        is_open: Whether API Gateway has it.
        is_alive: Whether there still is a client at the other end.
    """

    gateway: Gateway
    connection_id: str
    receive: Callable[[str], None]
    ended: Result[str] = field(default_factory=Result)
    is_open: bool = False
    is_alive: bool = True
    connected_ms: int = 0
    arrives_us: int = 0
    frames: int = 0

    def send(self, text: str) -> None:
        self.gateway.send(self, text)

    def leave(self) -> None:
        self.gateway.leave(self)

    def vanish(self) -> None:
        self.gateway.vanish(self)

    def cut(self) -> None:
        self.gateway.cut(self)


@dataclass(frozen=True, slots=True)
class Posted:
    """A post to a websocket, that was or was not open any more."""

    at_s: float
    post: Post
    is_open: bool


class Gateway:
    def __init__(
        self, scheduler: Scheduler, functions: Functions, injector: FaultInjector, trace: Trace
    ) -> None:
        self._scheduler = scheduler
        self._functions = functions
        self._injector = injector
        self._trace = trace
        self.sockets: dict[str, Socket] = {}
        # Posts to connections that ended long before: the server should have forgotten them. Those
        # by which it finds that out are left out.
        self.posts_to_ended: list[str] = []
        # Posts to the connections of these users.
        self.watched: set[str] = set()
        self.posted: list[Posted] = []
        self._ended_us: dict[str, int] = {}

    def connect(
        self,
        connection_id: str,
        receive: Callable[[str], None],
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Socket | None:
        """Open a websocket, from a client's task; None if it is refused or does not answer."""
        socket = Socket(self, connection_id, receive, connected_ms=self._scheduler.now_ms)
        self.sockets[connection_id] = socket
        event = {
            "requestContext": self._context(socket, "CONNECT", "$connect"),
            "headers": dict(headers),
            "queryStringParameters": dict(query),
        }
        answer = self._functions.invoke(
            "connect",
            f"connect {connection_id}",
            lambda services: websocket.connect(services, event),
            TIMEOUT_S["connect"],
        )
        self._scheduler.wait(answer)
        try:
            accepted = answer.value()["statusCode"] == 200
        except Exception:  # noqa: BLE001 - the function failed, so the handshake does
            accepted = False
        if not accepted or not socket.is_alive:
            del self.sockets[connection_id]
            if accepted:
                self._disconnected(socket)
            return None
        socket.is_open = True
        return socket

    def note(self, line: str, way: str, text: str) -> None:
        """Show in the trace what a client sends (`=>`) or gets (`<=`)."""
        self._trace.note(f"{line} {way} {text[:SHOWN]}")

    def send(self, socket: Socket, text: str) -> None:
        """Send a frame from the client; its answer arrives as another frame."""
        if socket.is_alive:
            self.note(socket.connection_id, "=>", text)
            self._scheduler.after(
                WIRE_US, f"frame of {socket.connection_id}", lambda: self._frame(socket, text)
            )

    def leave(self, socket: Socket) -> None:
        """The client closes the connection."""
        socket.is_alive = False
        socket.ended.give("left")
        self._scheduler.after(WIRE_US, f"{socket.connection_id} leaves", lambda: self._end(socket))

    def vanish(self, socket: Socket) -> None:
        """The client is gone without a word; API Gateway keeps the socket for a while."""
        socket.is_alive = False
        socket.ended.give("vanished")
        self._scheduler.after(IDLE_US, f"{socket.connection_id} idle", lambda: self._end(socket))

    def cut(self, socket: Socket) -> None:
        """The network breaks the connection, and both ends notice."""
        socket.is_alive = False
        socket.ended.give("cut")
        self._end(socket)

    def _frame(self, socket: Socket, text: str) -> None:
        if not socket.is_open:
            return
        socket.frames += 1
        event = {"requestContext": self._context(socket, "MESSAGE", "$default"), "body": text}
        name = f"frame {socket.connection_id}/{socket.frames}"

        def handle(services: Services) -> dict[str, Any]:
            return websocket.message(services, event)

        answer = self._functions.invoke("message", name, handle, TIMEOUT_S["message"])
        answer.then(lambda: self._answer(socket, answer))

    def _answer(self, socket: Socket, answer: Result[dict[str, Any]]) -> None:
        try:
            text = str(answer.value()["body"])
        except Exception:  # noqa: BLE001 - API Gateway answers by itself
            text = '{"message": "Internal server error"}'
        if text:
            self._arrive(socket, text)

    def _arrive(self, socket: Socket, text: str) -> None:
        """Bring a frame to the client; frames arrive in the order in which they were taken."""
        socket.arrives_us = max(socket.arrives_us + 1, self._scheduler.now_us + WIRE_US)

        def receive() -> None:
            if socket.is_alive:
                self.note(socket.connection_id, "<=", text)
                socket.receive(text)

        self._scheduler.at(socket.arrives_us, f"arrival at {socket.connection_id}", receive)

    def take(self, post: Post) -> Outcome:
        """POST @connections."""
        socket = self.sockets.get(post.target.connection_id)
        if post.target.connection_id.split("/")[0] in self.watched:
            is_open = socket is not None and socket.is_open
            self.posted.append(Posted(self._scheduler.now_us / 1e6, post, is_open))
        if socket is None or not socket.is_open:
            ended_us = self._ended_us.get(post.target.connection_id, self._scheduler.now_us)
            if self._scheduler.now_us - ended_us > LONG_US and not post.data.startswith(PROBES):
                self.posts_to_ended.append(post.target.connection_id)
            return Outcome.GONE
        self._arrive(socket, post.data.decode())
        return Outcome.DELIVERED

    def delete(self, target: Target) -> Outcome:
        """DELETE @connections."""
        socket = self.sockets.get(target.connection_id)
        if socket is None or not socket.is_open:
            return Outcome.GONE
        self._scheduler.after(
            WIRE_US, f"{socket.connection_id} closed", lambda: socket.ended.give("closed")
        )
        self._end(socket)
        return Outcome.DELIVERED

    def _end(self, socket: Socket) -> None:
        if not socket.is_open:
            return
        socket.is_open = False
        self._ended_us[socket.connection_id] = self._scheduler.now_us
        self.sockets.pop(socket.connection_id, None)
        self._disconnected(socket)

    def _disconnected(self, socket: Socket) -> None:
        self._scheduler.spawn(f"end of {socket.connection_id}", lambda: self._tell(socket))

    def _tell(self, socket: Socket) -> None:
        """Run `$disconnect`, with best effort: late, or never."""
        task = self._scheduler.current()
        assert task is not None
        never = self._injector.fault_plan.never_disconnects
        if not self._injector.is_calm and task.random.random() < never:
            return
        self._scheduler.pause(int(task.random.expovariate(1 / 200_000)))
        event = {"requestContext": self._context(socket, "DISCONNECT", "$disconnect")}
        self._functions.invoke(
            "disconnect",
            f"disconnect {socket.connection_id}",
            lambda services: websocket.disconnect(services, event),
            TIMEOUT_S["disconnect"],
        )

    def _context(self, socket: Socket, event_type: str, route: str) -> dict[str, Any]:
        return {
            "connectionId": socket.connection_id,
            "requestId": "simulated",
            "apiId": "simulated",
            "stage": "prod",
            "connectedAt": socket.connected_ms,
            "requestTimeEpoch": self._scheduler.now_ms,
            "eventType": event_type,
            "routeKey": route,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "simulated"},
        }


class SimPoster:
    """Posts through the simulated gateway; see `ports.delivery.Poster`."""

    def __init__(
        self, gateway: Gateway, scheduler: Scheduler, injector: FaultInjector, calls: Calls
    ) -> None:
        self._gateway = gateway
        self._scheduler = scheduler
        self._injector = injector
        self._calls = calls

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        """Side by side; to one connection one after the other, up to the first not taken."""
        found: dict[int, Outcome] = {}
        by_connection: dict[str, list[int]] = {}
        for number, post in enumerate(posts):
            by_connection.setdefault(post.target.connection_id, []).append(number)

        until_us = self._scheduler.now_us + within_ms * 1000 if within_ms is not None else None

        def serve(numbers: list[int]) -> None:
            outcome = Outcome.DELIVERED
            for number in numbers:
                if outcome in (Outcome.DELIVERED, Outcome.TOO_LARGE):
                    found[number] = outcome = self._in_time(posts[number], until_us)
                else:
                    found[number] = Outcome.HELD

        self._scheduler.all([functools.partial(serve, each) for each in by_connection.values()])
        return [found[number] for number in range(len(posts))]

    def close(self, target: Target) -> Outcome:
        return self._call(f"close {target.connection_id}", lambda: self._gateway.delete(target))

    def _in_time(self, post: Post, until_us: int | None) -> Outcome:
        """Make a post, unless it would begin too late."""
        if until_us is not None and self._scheduler.now_us >= until_us:
            return Outcome.UNSENT
        return self._one(post)

    def _one(self, post: Post) -> Outcome:
        if self._injector.is_away("budget"):
            return Outcome.UNSENT
        return self._call(f"post {post.target.connection_id}", lambda: self._gateway.take(post))

    def _call(self, what: str, act: Callable[[], Outcome]) -> Outcome:
        """While posts are used up, nothing gets through, and the answer says so."""
        if self._injector.is_away("quota"):
            self._scheduler.pause(WIRE_US)
            return Outcome.BUSY
        try:
            outcome: Outcome = self._calls.call("posts", what, act)
        except Unavailable:
            task = self._scheduler.current()
            alone = task is not None and task.random.random() < THROTTLED
            return Outcome.THROTTLED if alone and not self._calls.was_lost else Outcome.FAILED
        return outcome
