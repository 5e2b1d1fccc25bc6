"""A stock Engine.IO client that begins with polling, and upgrades to a websocket if it may.

As engine.io-client 6.6: one GET waits at any time, and one POST at a time carries what waits in the
buffer. Before a probed websocket takes over, both are awaited and nothing is sent. A websocket that
breaks in this moment leaves the client waiting until the server's pings stay away.
https://github.com/socketio/engine.io-protocol#http-long-polling
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from enum import Enum, auto

from chalicelib.entrypoints.http.rest import HttpRequest
from chalicelib.entrypoints.socketio import polling
from chalicelib.wire.engineio import SEPARATOR

from .gateway import Gateway, Socket
from .http_api import HttpApi
from .scheduler import Result, Scheduler

CLOSE, PROBE, PROBED, UPGRADE, LEAVE = "1", "2probe", "3probe", "5", "41"


class Stage(Enum):
    """POLLING; PAUSING, while requests end before the change; WEBSOCKET after it."""

    POLLING = auto()
    PAUSING = auto()
    WEBSOCKET = auto()


class PollingLine:
    """A connection that begins with polling; see `lines.Line`.

    Attributes:
        stage: How far the upgrade is.

    Args:
        name: Its name in the trace, and its websocket's connection id.
        version: The beginning of what the client's requests carry as `t`; it shows its version.
        repeats: Whether its HTTP library sends a poll without an answer again by itself, as
            browsers do (RFC 9110, section 9.2.2).
        receive: Takes each packet.
    """

    def __init__(
        self,
        name: str,
        headers: Mapping[str, str],
        version: str,
        repeats: bool,
        receive: Callable[[str], None],
        gateway: Gateway,
        http: HttpApi,
        scheduler: Scheduler,
    ) -> None:
        self.ended: Result[str] = Result()
        self.stage = Stage.POLLING
        self._name = name
        self._headers = headers
        self._query = {"EIO": "4", "transport": "polling"}
        self._version = version
        self._repeats = repeats
        self._receive = receive
        self._gateway = gateway
        self._http = http
        self._scheduler = scheduler
        self._is_getting = False
        self._is_posting = False
        self._requests = 0
        self._buffer: list[str] = []
        self._probed: Result[bool] = Result()
        self._paused: Result[bool] = Result()
        self._websocket: Socket | None = None
        self.ended.then(self._stop)

    @property
    def connection_id(self) -> str:
        if self.stage is Stage.WEBSOCKET and self._websocket is not None:
            return self._websocket.connection_id
        return self._query.get("sid", "")

    def open(self, upgrades: bool) -> bool:
        """Make the handshake, from a client's task; then poll, and try to upgrade if it may."""
        text = self._request("GET")
        if text is None or not text.startswith("0"):
            return False
        self._query["sid"] = json.loads(text[1:])["sid"]
        self._scheduler.spawn(f"{self._name} polls", self._poll)
        if upgrades:
            self._scheduler.spawn(f"{self._name} upgrades", self._upgrade)
        return True

    # -- a Line

    def send(self, text: str) -> None:
        self._buffer.append(text)
        self._flush()

    def leave(self) -> None:
        if self.stage is Stage.WEBSOCKET and self._websocket is not None:
            self._websocket.send(LEAVE)
        else:
            self._say_goodbye(LEAVE, CLOSE)
        self.ended.give("left")

    def vanish(self) -> None:
        if self._websocket is not None and not self._websocket.ended.is_set:
            self._websocket.vanish()
        self.ended.give("vanished")

    def cut(self) -> None:
        if self._websocket is not None and not self._websocket.ended.is_set:
            self._websocket.cut()
        self.ended.give("cut")

    # -- polling

    def _poll(self) -> None:
        while self.stage is Stage.POLLING and not self.ended.is_set:
            self._is_getting = True
            text = self._request("GET")
            if self.ended.is_set:
                return
            if text is None:
                self._fail()
                return
            for packet in text.split(SEPARATOR):
                if packet == CLOSE:
                    self.ended.give("closed")
                    return
                self._take(packet)
            self._is_getting = False
            self._rest()

    def _flush(self) -> None:
        if self.ended.is_set or not self._buffer:
            return
        if self.stage is Stage.WEBSOCKET and self._websocket is not None:
            packets, self._buffer = self._buffer, []
            for packet in packets:
                self._websocket.send(packet)
        elif self.stage is Stage.POLLING and not self._is_posting:
            self._is_posting = True
            body, self._buffer = SEPARATOR.join(self._buffer), []
            self._gateway.note(self._name, "=>", body)
            name = f"{self._name} posts {self._requests}"
            self._scheduler.spawn(name, functools.partial(self._post, body))

    def _post(self, body: str) -> None:
        taken = self._request("POST", body) is not None
        self._is_posting = False
        if self.ended.is_set:
            return
        if not taken:
            self._fail()
            return
        self._rest()
        self._flush()

    def _request(self, method: str, body: str = "") -> str | None:
        """Make a request; None if it was refused or has no answer."""
        self._requests += 1
        query = {**self._query, "t": f"{self._version}{self._requests}"}
        request = HttpRequest(self._headers, query, {}, body)
        name = f"{method} {self._name}/{self._requests}"
        ask = lambda services: polling.handle(services, request, method)  # noqa: E731
        answer = self._http.request(name, ask)
        if answer is None and self._repeats and method == "GET" and "sid" in query:
            answer = self._http.request(f"{name} again", ask)
        return answer.text if answer is not None and answer.status == 200 else None

    def _take(self, packet: str) -> None:
        if not self.ended.is_set:
            if self.stage is not Stage.WEBSOCKET:
                self._gateway.note(self._name, "<=", packet)
            self._receive(packet)

    def _fail(self) -> None:
        """A request failed: the connection is given up, as after any error."""
        if self.stage is Stage.POLLING:
            self._say_goodbye(CLOSE)
        self.ended.give("transport error")

    def _say_goodbye(self, *packets: str) -> None:
        def post() -> None:
            for packet in packets:
                self._request("POST", packet)

        self._scheduler.spawn(f"{self._name} says goodbye", post)

    # -- the upgrade

    def _upgrade(self) -> None:
        query = {"EIO": "4", "transport": "websocket", "sid": self._query["sid"]}
        socket = self._gateway.connect(self._name, self._from_websocket, query, self._headers)
        if socket is None:
            return
        self._websocket = socket
        socket.ended.then(self._websocket_ended)
        if self.ended.is_set:
            self._stop()
            return
        socket.send(PROBE)
        self._scheduler.wait(self._probed)
        if not self._probed.value():
            return
        self.stage = Stage.PAUSING
        self._rest()
        self._scheduler.wait(self._paused)
        if not self._paused.value():
            return
        self.stage = Stage.WEBSOCKET
        socket.send(UPGRADE)
        self._flush()

    def _rest(self) -> None:
        """Note that no request is under way, which the change to the websocket waits for."""
        if self.stage is Stage.PAUSING and not self._is_getting and not self._is_posting:
            self._paused.give(True)

    def _from_websocket(self, packet: str) -> None:
        if self.stage is Stage.WEBSOCKET:
            self._take(packet)
        else:
            self._probed.give(packet == PROBED)

    def _websocket_ended(self) -> None:
        self._probed.give(False)
        self._paused.give(False)
        if self.stage is Stage.WEBSOCKET and self._websocket is not None:
            self.ended.give(self._websocket.ended.value())

    def _stop(self) -> None:
        """The client closes its websocket when its connection has ended."""
        self._probed.give(False)
        self._paused.give(False)
        if self._websocket is not None and not self._websocket.ended.is_set:
            self._websocket.leave()
