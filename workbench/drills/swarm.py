"""A drill's stock JavaScript clients, all in one Node process, `swarm.mjs`."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .history import Ack, Client, Key, Room
from .members import Refused, Unanswered, message
from .recorder import Recorder

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / "tests/node/package.json"
# The client's own option `retries`: one packet at a time, repeated until it is acked.
OPTIONS = {
    "retries": 1_000,
    "ackTimeout": 8_000,
    "reconnectionDelay": 200,
    "reconnectionDelayMax": 2_000,
}
_START_S, _END_S = 60.0, 10.0


class NoClient(Exception):
    """Node or socket.io-client is not installed; `make node` installs it."""


class SwarmEnded(Exception):
    """The process is no more, or nobody reads what it says: the drill shows nothing."""


class Swarm:
    """An async context: the Node process and its clients."""

    def __init__(self, url: str, recorder: Recorder) -> None:
        self._url = url
        self._recorder = recorder
        self._members: dict[Client, SwarmMember] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._over = False

    async def __aenter__(self) -> Swarm:
        node = shutil.which("node")
        if node is None or not (PACKAGES.parent / "node_modules/socket.io-client").is_dir():
            raise NoClient("node with socket.io-client is not installed: run `make node`")
        self._process = await asyncio.create_subprocess_exec(
            node,
            str(HERE / "swarm.mjs"),
            self._url,
            str(PACKAGES),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read(self._process))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reader is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        # It has read to the end; if it failed before that, so does the drill, which was deaf since.
        await self._reader

    def member(
        self,
        name: Client,
        token: str,
        rooms: Mapping[Room, str],
        options: Mapping[str, Any],
        others: Sequence[str] = (),
    ) -> SwarmMember:
        """Make a client.

        Args:
            others: Where it may move to after two failed attempts, and when it is told to.
        """
        order = {
            "client": name,
            "token": token,
            "rooms": dict(rooms),
            "options": {**OPTIONS, **options},
            "others": list(others),
        }
        self._members[name] = member = SwarmMember(name, order, self)
        return member

    def say(self, order: Mapping[str, Any]) -> None:
        if self._over:
            raise SwarmEnded("the process of the stock clients has ended")
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                told = json.loads(line)
                self._members[told["client"]].told(told, self._recorder)
        finally:
            self._over = True
            for member in self._members.values():
                member.lost()


class SwarmMember:
    """One JavaScript client."""

    def __init__(self, name: Client, order: Mapping[str, Any], swarm: Swarm) -> None:
        self.name = name
        self._order = order
        self._swarm = swarm
        self._up = asyncio.Event()
        self._answers: dict[Key, asyncio.Future[Any]] = {}

    async def start(self) -> None:
        self._swarm.say({"open": self._order})
        async with asyncio.timeout(_START_S):
            await self._up.wait()

    async def send(self, room: Room, key: Key) -> Ack:
        answer = self._answers[key] = asyncio.get_running_loop().create_future()
        self._swarm.say({"send": {"client": self.name, "data": message(room, key)}})
        given = await answer
        if not given["ok"]:
            error = given["error"]
            raise (Unanswered if error["retryable"] else Refused)(error["message"])
        return Ack.of(given["data"])

    def cut(self) -> None:
        self._swarm.say({"cut": self.name})

    async def close(self) -> None:
        """Nothing to do: all clients end with the swarm."""

    def told(self, told: Mapping[str, Any], recorder: Recorder) -> None:
        """Handle a line of the process about this client."""
        match told["event"]:
            case "connected":
                recorder.connected(self.name, told["recovered"], told["url"])
                self._up.set()
            case "disconnected":
                recorder.disconnected(self.name, told["reason"])
            case "connect_error":
                recorder.refused(self.name, "connect")
            case "pushed":
                recorder.pushed(self.name, told["room"], told["message_id"])
            case "shown":
                recorder.shown(self.name, told["room"], told["message_id"])
            case "answered":
                self._answers.pop(told["key"]).set_result(told["answer"])

    def lost(self) -> None:
        """Fail all sends, as the process has ended."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Unanswered("the swarm's process ended"))
