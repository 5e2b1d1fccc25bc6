"""The devices of a proof: a JSON websocket, and a stock Socket.IO client on each transport."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

Data = dict[str, Any]


class ProofError(Exception):
    """A step failed; the text is for the user."""


class Device(Protocol):
    """A connection of a user.

    Attributes:
        name: Of the check that proves it.
        heard: Told the id of each message that was pushed to it.
    """

    name: str
    heard: asyncio.Queue[str]

    async def open(self, token: str) -> None: ...
    async def call(self, action: str, data: Data) -> Data:
        """The data of the action's ack.

        Raises:
            ProofError: It was refused, or the connection ended.
        """

    async def close(self) -> None: ...


class JsonDevice:
    """A JSON websocket of one shard."""

    def __init__(self, url: str, shard: int = 0) -> None:
        self.name = f"websocket-{shard}" if shard else "websocket"
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self._url = url
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Data]] = {}

    async def open(self, token: str) -> None:
        self._http = aiohttp.ClientSession()
        try:
            self._socket = await self._http.ws_connect(self._url, params={"token": token})
        except aiohttp.WSServerHandshakeError as fault:
            raise ProofError(f"the handshake was answered with {fault.status}") from fault
        except aiohttp.ClientError as fault:
            raise ProofError(f"no connection: {fault}") from fault
        self._reading = asyncio.create_task(self._read())

    async def call(self, action: str, data: Data) -> Data:
        assert self._socket is not None
        number = len(self._asked)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"action": action, "data": data, "id": number})
        except (OSError, aiohttp.ClientError) as fault:
            raise ProofError(f"{action} was not sent: {fault}") from fault
        acked: Data = await answer
        return acked

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading
        if self._http is not None:
            await self._http.close()

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(json.loads(message.data))
        why = ProofError(f"the connection ended with {self._socket.close_code}")
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(why)

    def _take(self, frame: Data) -> None:
        event, data = frame.get("event"), frame.get("data")
        if event == "message_received" and isinstance(data, dict):
            self.heard.put_nowait(str(data["message_id"]))
            return
        answer = self._asked.get(frame.get("id", -1))
        if answer is None or answer.done():
            return
        if event == "ack":
            answer.set_result(data or {})
        else:
            answer.set_exception(ProofError(f"answered with {json.dumps(frame)}"))


class SocketIoDevice:
    """The stock Python client.

    Args:
        transport: websocket or polling.
        path: Of the server, from the host on.
    """

    def __init__(self, url: str, transport: str, path: str) -> None:
        self.name = f"socketio-{transport}"
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self._url, self._transport, self._path = url, transport, path
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("message_received", self._took)

    async def open(self, token: str) -> None:
        try:
            await self._client.connect(
                self._url,
                auth={"token": token},
                transports=[self._transport],
                socketio_path=self._path,
                wait_timeout=_CONNECTED_S,
            )
        except SocketIOError as fault:
            raise ProofError(f"no connection: {fault}") from fault
        except (LookupError, TypeError, ValueError) as fault:
            # The client takes every answer with 200 for Engine.IO's.
            raise ProofError("no connection: what answers does not speak Engine.IO") from fault

    async def call(self, action: str, data: Data) -> Data:
        try:
            answer = await self._client.call(action, data, timeout=_CONNECTED_S)
        except SocketIOError as fault:
            raise ProofError(f"{action} was not answered: {fault!r}") from fault
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            raise ProofError(f"{action} was answered with {json.dumps(answer)}")
        found: Data = answer["data"]
        return found

    async def close(self) -> None:
        await self._client.disconnect()

    def _took(self, data: Data, *more: object) -> None:
        self.heard.put_nowait(str(data["message_id"]))


_CONNECTED_S = 20
Make = Callable[[], Device]
