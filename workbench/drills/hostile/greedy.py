"""Attacks by users with a valid token, who take more than their share."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from typing import Any

from websockets.asyncio.client import ClientConnection

from .attack import Attack

_BURST = 10  # frames that are sent at once


class Greedy(Attack):
    """A user who sends bursts of frames over one connection."""

    needs = 1
    share = 0.5

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        [self.user] = self.users()[:1]
        self.socket: ClientConnection | None = None
        self.lock = asyncio.Lock()

    def frames(self) -> list[str]:
        """A burst."""
        raise NotImplementedError

    async def once(self) -> None:
        async with self.lock:
            if self.socket is None:
                self.socket = await self.websocket(f"/ws?token={self.site.tokens[self.user]}")
            if self.socket is None:
                return
            frames = self.frames()
            if await self.say(self.socket, *frames):
                await self.listen(self.socket, len(frames))
            if self.socket.close_code is not None:
                self.socket = None

    async def end(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        await super().end()

    @property
    def room(self) -> str:
        return self.site.rooms[self.user]


def frame(action: str, **data: Any) -> str:
    return json.dumps({"action": action, "data": data, "id": 1})


def message(room: str, content: Any) -> str:
    return frame("send_message", conversation_id=room, message_type="text", content=content)


class Sends(Greedy):
    name = "sends"
    says = "Messages far over the rate, to a room of the user's own."

    def frames(self) -> list[str]:
        return [message(self.room, "spam")] * _BURST


class Syncs(Greedy):
    name = "syncs"
    says = "Snapshots of all rooms, again and again."

    def frames(self) -> list[str]:
        return [frame("sync", positions={})] * _BURST


class Typing(Greedy):
    name = "typing"
    says = "The user types, and does not, and opens and closes the room."

    def frames(self) -> list[str]:
        typing = [
            frame(each, conversation_id=self.room) for each in ("typing_start", "typing_stop")
        ]
        views = [frame(each, room_id=self.room) for each in ("join_room", "leave_room")]
        return (typing + views) * 3


class BadFrames(Greedy):
    name = "bad-frames"
    says = "Frames that are no JSON, too deep, too large or of no action."

    def frames(self) -> list[str]:
        deep = "[" * 10_000 + "]" * 10_000
        large = message(self.room, "x" * 31_000)
        bad = ("{", "9", frame("none"), frame("sync", positions={"x": "y"}), deep, large)
        return [self.rng.choice(bad) for _ in range(_BURST)]


class Reconnects(Attack):
    name = "reconnects"
    says = "One user connects and leaves, as fast as possible."
    needs = 1
    share = 0.5

    async def once(self) -> None:
        [user] = self.users()
        socket = await self.websocket(f"/ws?token={self.site.tokens[user]}")
        if socket is not None:
            self.answers["open"] += 1
            await socket.close()


class SlowReaders(Attack):
    name = "slow-readers"
    says = "Connections that never read, in a room to which another user sends large messages."
    needs = 2  # who feeds, and who does not read
    share = 0.1
    _MOST = 8

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.feeder, self.slow = self.users()
        self.socket: ClientConnection | None = None
        self.lock = asyncio.Lock()

    async def once(self) -> None:
        async with self.lock:
            if len(self._held) < self._MOST:
                await self._connect()
            if self.socket is None:
                self.socket = await self.websocket(f"/ws?token={self.site.tokens[self.feeder]}")
            if self.socket is not None:
                content = message(self.site.rooms[self.feeder], "x" * 30_000)
                if await self.say(self.socket, *[content] * 5):
                    await self.listen(self.socket, 5)
                if self.socket.close_code is not None:
                    self.socket = None

    async def end(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        await super().end()

    async def _connect(self) -> None:
        """Open a websocket, with a small buffer that is never read."""
        port = int(self.site.url.rpartition(":")[2])
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        _, writer = await asyncio.open_connection(sock=raw, limit=1_024)
        head = (
            f"GET /ws?token={self.site.tokens[self.slow]} HTTP/1.1\r\nHost: x\r\n"
            f"User-Agent: {self.headers['User-Agent']}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        writer.write(head.encode())
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        self._held.append(writer)
        self.made += 1
        self.answers["held"] += 1


GREEDY: tuple[type[Attack], ...] = (Sends, Syncs, Typing, BadFrames, Reconnects, SlowReaders)
