"""HTTP and websockets as the official suites use them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

# The official suites are run by hand, at 1000/800 ms; a slow machine would fail them at random.
# Here heartbeats are far apart, so that a close after a fault is not mistaken for a heartbeat's.
CALM_MS = (20_000, 10_000)
BEATING_MS = (1_000, 3_000)
AT_ONCE_S = 15.0
WAIT_S = 30.0  # generous, for slow machines


class Suite:
    """One application of the server."""

    def __init__(self, http: aiohttp.ClientSession, place: str, binary: bool) -> None:
        self.http, self.place, self.binary = http, place, binary

    async def ask(
        self, method: str = "GET", body: str | None = None, **query: str
    ) -> tuple[int, str]:
        query = {"EIO": "4", "transport": "polling", **query}
        query = {name: value for name, value in query.items() if value}
        request = self.http.request(method, f"http://{self.place}", params=query, data=body)
        async with asyncio.timeout(WAIT_S), request as answer:
            return answer.status, await answer.text()

    async def handshake(self) -> str:
        status, text = await self.ask()
        assert status == 200, text
        return str(json.loads(text[1:])["sid"])

    async def post(self, sid: str, body: str) -> tuple[int, str]:
        return await self.ask("POST", body, sid=sid)

    async def poll(self, sid: str) -> tuple[int, str]:
        return await self.ask(sid=sid)

    async def websocket(self, **query: str) -> Socket:
        query = {"EIO": "4", "transport": "websocket", **query}
        query = {name: value for name, value in query.items() if value}
        found = await self.http.ws_connect(f"ws://{self.place}", params=query, autoping=True)
        return Socket(found)

    async def refused(self, **query: str) -> None:
        """Expect that the websocket is rejected, or closed at once."""
        try:
            socket = await self.websocket(**query)
        except aiohttp.WSServerHandshakeError:
            return
        assert await socket.closed() < AT_ONCE_S

    async def opened(self) -> Socket:
        socket = await self.websocket()
        assert (await socket.text()).startswith("0")
        return socket


class Socket:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def say(self, *frames: str | bytes) -> None:
        for frame in frames:
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_str(frame)

    async def next(self) -> Any:
        """Return the data of the next frame."""
        message = await self._socket.receive(WAIT_S)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        return message.data

    async def text(self) -> str:
        """Return the next frame that is not a ping."""
        while (data := await self.next()) == "2":
            await self.say("3")
        return str(data)

    async def data(self) -> str | bytes:
        while (data := await self.next()) == "2":
            await self.say("3")
        return data  # type: ignore[no-any-return]

    async def closed(self) -> float:
        """Return the seconds until the server has closed; pings are not answered."""
        clock = asyncio.get_running_loop()
        start = clock.time()
        while True:
            message = await self._socket.receive(WAIT_S)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                return clock.time() - start
            if message.type is aiohttp.WSMsgType.ERROR:
                raise AssertionError(message)

    async def close(self) -> None:
        await self._socket.close()
