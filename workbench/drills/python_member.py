"""A drill's python-socketio client, which has no recovery and syncs after each connect.

The library's own reconnection allows one second for a CONNECT, too little on a busy stack. So each
connection here uses a new client, with the waits of the JavaScript client.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import socketio

from tidings_client import Event, Inbox

from .history import Ack, Client, Key, Room
from .members import Refused, Unanswered, message
from .recorder import Recorder

_CONNECT_S, _CALL_S, _LONGEST_PAUSE_S = 20.0, 15.0, 2.0
_ATTEMPTS = 2  # at one URL, before the next one


class PythonMember:
    def __init__(
        self,
        name: Client,
        url: str,
        token: str,
        rooms: Mapping[Room, str],
        recorder: Recorder,
        transports: Sequence[str],
        others: Sequence[str] = (),
    ) -> None:
        """Make a client of this URL.

        Args:
            others: Where it may move to after two failed attempts, and when it is told to.
        """
        self.name = name
        self._urls = [url, *others]  # the first one is where it connects
        self._token = token
        self._recorder = recorder
        self._transports = list(transports)
        self._inbox = Inbox(self._on_event)
        self._http: aiohttp.ClientSession | None = None  # shared, as some connections end late
        self._socket: Any = None
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._syncing: asyncio.Task[None] | None = None
        self._work: asyncio.Task[None] | None = None
        self._cutting: asyncio.Task[None] | None = None
        for room, position in rooms.items():
            self._inbox.follow(room, position)

    async def start(self) -> None:
        self._http = aiohttp.ClientSession()
        self._work = asyncio.create_task(self._stay_connected())
        async with asyncio.timeout(60):
            await self._up.wait()

    async def send(self, room: Room, key: Key) -> Ack:
        answer = await self._call("send_message", message(room, key))
        self._inbox.have(room, answer["position"])
        return Ack.of(answer)

    def cut(self) -> None:
        if self._socket is not None and self._up.is_set():
            self._cutting = asyncio.create_task(_leave(self._socket))

    async def close(self) -> None:
        for task in (self._syncing, self._cutting, self._work):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task  # raise its error, if it failed
        if self._socket is not None:
            await _leave(self._socket)
        if self._http is not None:
            await self._http.close()

    async def _call(self, action: str, data: Any) -> Event:
        """Call an action over the present connection; return the ack's data."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def acked(given: Any) -> None:
            if not answer.done():
                answer.set_result(given)

        try:
            async with asyncio.timeout(_CALL_S):
                await self._up.wait()
                await self._socket.emit(action, data, callback=acked)
                ended = asyncio.create_task(self._down.wait())
                await asyncio.wait([answer, ended], return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
        except (TimeoutError, socketio.exceptions.SocketIOError) as fault:
            raise Unanswered(str(fault)) from None
        if not answer.done():
            raise Unanswered("the connection ended")
        given = answer.result()
        if not given["ok"]:
            error = given["error"]
            raise (Unanswered if error["retryable"] else Refused)(error["message"])
        return dict(given["data"])

    async def _stay_connected(self) -> None:
        attempt = 0
        while True:
            attempt = 0 if await self._connection() else attempt + 1
            if attempt % _ATTEMPTS == _ATTEMPTS - 1:
                self._urls = [*self._urls[1:], self._urls[0]]
            await asyncio.sleep(random.random() * min(_LONGEST_PAUSE_S, 0.2 * 2**attempt))

    async def _connection(self) -> bool:
        """Run one connection until its end; return False if it was never made."""
        socket = self._socket = self._fresh_socket()
        try:
            await socket.connect(
                self._urls[0],
                auth={"token": self._token},
                transports=self._transports,
                wait_timeout=_CONNECT_S,
            )
        except socketio.exceptions.ConnectionError:
            self._recorder.refused(self.name, "connect")
            return False
        except TypeError:
            self._recorder.refused(self.name, "connect")
            self._socket = None  # engineio 4 takes a close frame for a packet and fails
            return False
        try:
            await asyncio.shield(socket.eio.wait())
        except aiohttp.ClientError as fault:
            # When a poll breaks in its body, the library's reader ends without an event.
            self._ended(type(fault).__name__)
        await _leave(socket)
        self._ended("ended")
        return True

    def _fresh_socket(self) -> Any:
        self._down.clear()
        socket = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, http_session=self._http
        )
        socket.on("connect", self._on_connect)
        socket.on("disconnect", self._ended)
        socket.on("message_received", self._on_message)
        socket.on("reconnect", self._on_reconnect)
        return socket

    def _on_connect(self) -> None:
        self._recorder.connected(self.name, url=self._urls[0])
        self._inbox.begin(self._inbox.positions())
        self._up.set()
        self._syncing = asyncio.create_task(self._sync())

    def _ended(self, reason: str) -> None:
        if not self._up.is_set():
            return
        self._up.clear()
        self._down.set()
        self._recorder.disconnected(self.name, reason)
        if self._syncing is not None:
            self._syncing.cancel()
        self._inbox.interrupt()

    def _on_message(self, data: Event) -> None:
        self._recorder.pushed(self.name, data["conversation_id"], data["message_id"])
        if not self._up.is_set():
            return  # an event after its connection's end: the next sync brings it in order
        self._inbox.take("message_received", data)

    def _on_reconnect(self, data: Event) -> None:
        parts = urlsplit(data.get("endpoint") or "")
        there = f"{parts.scheme.replace('ws', 'http')}://{parts.netloc}"
        if there in self._urls:
            self._urls = [there, *(each for each in self._urls if each != there)]

    def _on_event(self, name: str, data: Event) -> None:
        if name == "message_received":
            self._recorder.shown(self.name, data["conversation_id"], data["message_id"])

    async def _sync(self) -> None:
        """Get what was missed, page by page; live events wait meanwhile."""
        wanted = self._inbox.positions()
        while wanted:
            try:
                answer = await self._call("sync", {"positions": wanted})
            except Unanswered:
                await asyncio.sleep(0.5)
                continue
            parts = answer["conversations"]
            positions = {room: self._inbox.page(room, parts[room]) for room in wanted}
            wanted = {room: at for room, at in positions.items() if at is not None}


async def _leave(socket: Any) -> None:
    with contextlib.suppress(socketio.exceptions.SocketIOError, aiohttp.ClientError):
        await socket.disconnect()
