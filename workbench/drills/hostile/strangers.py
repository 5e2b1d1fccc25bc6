"""Attacks by strangers, who have no token."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import ClassVar

from websockets.asyncio.client import ClientConnection

from .attack import Attack

_POLLING = "/socket.io/?EIO=4&transport=polling"
_ENGINE = "/socket.io/?EIO=4&transport=websocket"
_SEPARATOR = "\x1e"
_MOST_HELD = 60
_UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def opened(attack: Attack) -> str | None:
    """Open a polling session; return its id, None if that is refused."""
    status, text = await attack.ask("GET", _POLLING)
    return str(json.loads(text[1:])["sid"]) if status == 200 else None


class Handshakes(Attack):
    name = "handshakes"
    says = "Engine.IO handshakes over polling, one after the other."

    async def once(self) -> None:
        await self.ask("GET", _POLLING)


class UnknownSessions(Attack):
    name = "unknown-sessions"
    says = "Polls and posts of sessions that they make up."

    async def once(self) -> None:
        path = f"{_POLLING}&sid={self.rng.randbytes(12).hex()}"
        if self.rng.random() < 0.5:
            await self.ask("GET", path)
        else:
            await self.ask("POST", path, "3")


class Garbage(Attack):
    name = "garbage"
    says = "Requests without a token, with bodies that are none."

    async def once(self) -> None:
        path = self.rng.choice(("/v1/rooms", "/v1/moments", "/v1/rooms/x/messages", _POLLING))
        body = self.rng.randbytes(self.rng.randint(1, 4_000))
        await self.ask("POST", path, body, Content_Type="application/json")


class ForgedTokens(Attack):
    name = "forged-tokens"
    says = "Websockets and requests with tokens that nobody signed."

    async def once(self) -> None:
        token = (
            f"eyJhbGciOiJIUzI1NiJ9.{self.rng.randbytes(40).hex()}.{self.rng.randbytes(20).hex()}"
        )
        if self.rng.random() < 0.5:
            await self.ask("GET", "/v1/rooms", Authorization=f"Bearer {token}")
        elif (socket := await self.websocket(f"/ws?token={token}")) is not None:
            await socket.close()


class HalfOpenSockets(Attack):
    name = "half-open-sockets"
    says = "Requests and upgrades that are begun and never finished."
    share = 0.3

    async def once(self) -> None:
        if len(self._held) >= _MOST_HELD:
            self._held.pop(0).close()
        agent = f"User-Agent: {self.headers['User-Agent']}\r\n"
        begun = self.rng.choice(
            (
                "GET /v1/health HTT",
                f"POST /v1/rooms HTTP/1.1\r\nHost: x\r\n{agent}Content-Length: 1000\r\n\r\n{{",
                f"GET /ws HTTP/1.1\r\nHost: x\r\n{agent}{_UPGRADE}",
            )
        )
        await self.raw(begun.encode())
        self.answers["held"] += 1


class SilentSessions(Attack):
    name = "silent-sessions"
    says = "Engine.IO websockets that never connect to a namespace."
    share = 0.3

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.open: list[ClientConnection] = []

    async def once(self) -> None:
        socket = await self.websocket(_ENGINE)
        if socket is None:
            return
        self.open.append(socket)
        if len(self.open) > _MOST_HELD:
            await self.open.pop(0).close()
        async with asyncio.timeout(20):
            async for _ in socket:
                pass
        self.note_end(socket)

    async def end(self) -> None:
        await asyncio.gather(*(each.close() for each in self.open))


class IdleUpgrades(Attack):
    name = "idle-upgrades"
    says = "Websockets that probe for an upgrade and never complete it."
    share = 0.3

    async def once(self) -> None:
        sid = await opened(self)
        if sid is None:
            return
        socket = await self.websocket(f"{_ENGINE}&sid={sid}")
        if socket is None:
            return
        if await self.say(socket, "2probe"):
            await asyncio.sleep(3)  # the attacker's patience
            self.answers["held"] += 1
        await socket.close()


class EarlyPackets(Attack):
    name = "early-packets"
    says = "Packets before CONNECT, each of which waits for it."
    share = 0.3

    async def once(self) -> None:
        socket = await self.websocket(_ENGINE)
        if socket is not None:
            if await self.say(socket, *['421["hello"]'] * 10):
                await self.listen(socket, 1)
            await socket.close()


class PacketBombs(Attack):
    name = "packet-bombs"
    says = "Payloads of a thousand packets, and of more."
    share = 0.3

    async def once(self) -> None:
        sid = await opened(self)
        if sid is None:
            return
        packet, count = self.rng.choice((("3", 1_000), ("3", 50_000), ('40{"token":"x"}', 1_000)))
        await self.ask("POST", f"{_POLLING}&sid={sid}", _SEPARATOR.join([packet] * count))
        await self.ask("POST", f"{_POLLING}&sid={sid}", packet)


class LostAttachments(Attack):
    name = "lost-attachments"
    says = "Binary packets whose attachments are announced and never sent."
    share = 0.3

    async def once(self) -> None:
        socket = await self.websocket(_ENGINE)
        if socket is None:
            return
        holes = [{"_placeholder": True, "num": number} for number in range(32)]
        head = "4532-" + json.dumps(["send_message", holes])
        if await self.say(socket, *[head] * 5, *["b" + "A" * 4_000] * 5):
            await self.listen(socket, 1, 2.0)
        await socket.close()


class Oversize(Attack):
    name = "oversize"
    says = "Bodies, frames, heads and URLs above every limit."
    share = 0.2

    async def once(self) -> None:
        match self.rng.randrange(5):
            case 0:
                await self.ask("POST", "/v1/rooms", b"x" * 2_000_000)
            case 1:
                await self.ask("POST", f"{_POLLING}&sid=none", b"3" * 1_100_000)
            case 2:
                await self.ask("GET", f"/v1/rooms?q={'x' * 7_000}", X_Long="y" * 8_000)
            case 3:
                if (socket := await self.websocket(f"/ws?token={'x' * 5_000}")) is not None:
                    await socket.close()
            case _:
                if (socket := await self.websocket(_ENGINE)) is not None:
                    if await self.say(socket, "4" + "x" * 200_000):
                        await self.listen(socket, 1)
                    await socket.close()


class Compressed(Attack):
    name = "compressed"
    says = "Bodies that would be a thousand times as large unpacked, and frames that claim to be."
    share = 0.2
    _BOMB: ClassVar[bytes] = gzip.compress(b"[" * 2_000_000)

    async def once(self) -> None:
        if self.rng.random() < 0.7:
            await self.ask("POST", "/v1/rooms", self._BOMB, Content_Encoding="gzip")
            return
        agent = f"User-Agent: {self.headers['User-Agent']}\r\n"
        head = f"GET {_ENGINE} HTTP/1.1\r\nHost: x\r\n{agent}{_UPGRADE}"
        offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        reader = await self.raw((head + offer).encode())
        async with asyncio.timeout(20):
            answered = await reader.readuntil(b"\r\n\r\n")
            taken = b"permessage-deflate" in answered
            self.answers["compression taken" if taken else f"HTTP {answered[9:12].decode()}"] += 1
            self._held[-1].write(b"\xc1\x85\x00\x00\x00\x00\xca\x48\xcd\xc9\xc9")  # RSV1 is set
            while await reader.read(65_536):
                pass
        self.answers["ended"] += 1


class DeepJson(Attack):
    name = "deep-json"
    says = "JSON that is nested thousands of levels deep."
    share = 0.3

    async def once(self) -> None:
        levels = self.rng.choice((70, 1_000, 15_000))
        deep = "[" * levels + "]" * levels
        if self.rng.random() < 0.5:
            await self.ask("POST", "/v1/rooms", deep, Content_Type="application/json")
            return
        socket = await self.websocket(_ENGINE)
        if socket is None:
            return
        if await self.say(socket, f'40{{"token":{deep}}}'):
            await self.listen(socket, 1)
        await socket.close()


STRANGERS: tuple[type[Attack], ...] = (
    *(Handshakes, UnknownSessions, Garbage, ForgedTokens, HalfOpenSockets, SilentSessions),
    *(IdleUpgrades, EarlyPackets, PacketBombs, LostAttachments, Oversize, Compressed, DeepJson),
)
