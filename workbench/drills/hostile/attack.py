"""What attacks have in common: whom they attack, how they are paced, and how they were answered."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .ledger import ADDRESSES, USER, agent

NO_ANSWER = "no answer"
_AT_ONCE = 24  # of an attack; what comes beyond waits
_ANSWER_S, _END_S = 30.0, 10.0
_ADDRESSES_EACH = 4


@dataclass(frozen=True, slots=True)
class Site:
    """What is attacked.

    Attributes:
        tokens: Of the greedy users, by user id.
        rooms: A room of each of them.
    """

    url: str
    tokens: Mapping[str, str] = field(default_factory=dict)
    rooms: Mapping[str, str] = field(default_factory=dict)

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)


class Attack:
    """One way to attack. Subclasses say how in `once`.

    Attributes:
        name: In the report, with a line of help.
        needs: How many greedy users it has; strangers have none.
        share: How fast it is, as a multiple of the rate of attacks.
        made: Requests, packets and frames that were sent.
        answers: How they were answered.
    """

    name: ClassVar[str] = ""
    says: ClassVar[str] = ""
    needs: ClassVar[int] = 0
    share: ClassVar[float] = 1.0

    def __init__(self, site: Site, number: int, seed: int) -> None:
        self.site = site
        self.rng = random.Random(f"{seed}/{self.name}")
        self.made = 0
        self.answers: Counter[str] = Counter()
        self._number = number
        self._http: aiohttp.ClientSession | None = None
        self._held: list[asyncio.StreamWriter] = []

    @classmethod
    def users(cls) -> list[str]:
        return [f"{USER}{cls.name}-{number}" for number in range(cls.needs)]

    @property
    def headers(self) -> dict[str, str]:
        """Who attacks, from one of a few addresses."""
        address = f"{ADDRESSES}{self._number}.{self.rng.randint(1, _ADDRESSES_EACH)}"
        return {"User-Agent": agent(self.name, address)}

    async def once(self) -> None:
        """Attack once; note the answer."""
        raise NotImplementedError

    async def run(self, per_s: float, most: int, until_s: float) -> None:
        """Attack at this rate until this time (monotonic), so many times at most."""
        begun_s, running = time.monotonic(), set[asyncio.Task[None]]()
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
        async with aiohttp.ClientSession(timeout=timeout) as self._http:
            for number in range(most):
                await asyncio.sleep(max(0.0, begun_s + number / per_s - time.monotonic()))
                while len(running) >= _AT_ONCE and time.monotonic() < until_s:
                    await asyncio.wait(running, timeout=1.0, return_when="FIRST_COMPLETED")
                    running = {each for each in running if not each.done()}
                if time.monotonic() >= until_s:
                    break
                running.add(asyncio.create_task(self._answered()))
            if running:
                _, late = await asyncio.wait(running, timeout=_END_S)
                for each in late:
                    each.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            await self.end()

    async def end(self) -> None:
        """Let go of what is held."""
        for writer in self._held:
            writer.close()

    async def _answered(self) -> None:
        try:
            await self.once()
        except (aiohttp.ClientError, OSError, TimeoutError, InvalidHandshake, EOFError) as fault:
            self.answers[f"{NO_ANSWER} ({type(fault).__name__})"] += 1

    async def ask(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str
    ) -> tuple[int, str]:
        """Make a request and note its status."""
        assert self._http is not None
        given = {**self.headers, **{name.replace("_", "-"): each for name, each in headers.items()}}
        self.made += 1
        async with self._http.request(
            method, self.site.url + path, data=body, headers=given
        ) as answer:
            text = await answer.text()
            self.answers[f"HTTP {answer.status}"] += 1
            return answer.status, text

    async def websocket(self, path: str) -> ClientConnection | None:
        """Open a websocket and note the refusal, if it is refused."""
        headers = self.headers
        self.made += 1
        try:
            return await connect(
                self.site.ws_url + path,
                compression=None,
                user_agent_header=headers["User-Agent"],
                open_timeout=_ANSWER_S,
                close_timeout=2,
                proxy=None,
            )
        except InvalidStatus as refusal:
            self.answers[f"HTTP {refusal.response.status_code}"] += 1
            return None

    async def say(self, socket: ClientConnection, *frames: str | bytes) -> bool:
        """Send frames; False if the websocket has ended, which is noted."""
        try:
            for frame in frames:
                self.made += 1
                await socket.send(frame)
        except ConnectionClosed:
            self.note_end(socket)
            return False
        return True

    async def listen(self, socket: ClientConnection, frames: int, within_s: float = 5.0) -> None:
        """Note the answers to so many frames, or the end of the websocket."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                try:
                    while frames > 0:
                        answer = kind(await socket.recv())
                        if answer is not None:
                            self.answers[answer] += 1
                            frames -= 1
                except ConnectionClosed:
                    self.note_end(socket)
                    return
        if frames > 0:
            self.answers["nothing"] += frames

    def note_end(self, socket: ClientConnection) -> None:
        self.answers[f"closed {socket.close_code}"] += 1

    async def raw(self, data: bytes, host: str = "127.0.0.1") -> asyncio.StreamReader:
        """Send bytes on a socket of one's own, which is held until the end."""
        port = int(self.site.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection(host, port)
        self._held.append(writer)
        self.made += 1
        writer.write(data)
        await writer.drain()
        return reader


def kind(frame: Any) -> str | None:
    """The answer that a frame is, in a word; None for an event that answers nothing."""
    text = frame if isinstance(frame, str) else ""
    if '"event":"ack"' in text or text.startswith(("430[", "43[")):
        return "ack" if '"ok":false' not in text else _code(text)
    if text.startswith('{"event":"error"') or text.startswith("44"):
        return _code(text)
    if text.startswith('{"message"'):
        return text.partition('"message": "')[2].partition('"')[0] or "gateway's error"
    return None


def _code(text: str) -> str:
    return text.partition('"code":"')[2].partition('"')[0] or "refused"
