"""The proof: two users connect in every way, write to each other, and read what they wrote.

The users and their chat have fixed names, so that proofs leave one chat with deleted messages,
however many there are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from operate.checks import Check
from operate.http import HttpError, reason, request

from .devices import Device, JsonDevice, ProofError, SocketIoDevice

FIRST, SECOND = "tidings-proof-1", "tidings-proof-2"
STEP_S = 30.0  # of a step; the first ones start functions
_REMEDY = "Look for the part that is not well: `tidings doctor`"
_GUIDE = "docs/how-to/check-a-deployment.md#when-the-proof-fails"
_Sent = dict[str, str]  # the sender by message id
# Returns a token for a user with these roles.
Issue = Callable[[str, list[str]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the service is.

    Attributes:
        url: Of the HTTP API.
        websocket_urls: Of the JSON websocket of each shard.
        one_host: Whether Socket.IO clients find everything at `url`; else a websocket only.
    """

    url: str
    websocket_urls: tuple[str, ...]
    one_host: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """Two users whose tokens can be made."""

    issue: Issue


@dataclass(frozen=True, slots=True)
class Given:
    """A token that somebody else issued: one user with two devices."""

    token: str


async def prove(at: Addresses, who: Tokens | Given, step_s: float = STEP_S) -> list[Check]:
    """Every step and its result; what depends on a step that failed is left out.

    Args:
        step_s: A step that takes longer has failed.
    """
    proof = _Proof(at, who, step_s)
    try:
        await proof.run()
    finally:
        await proof.close()
    return proof.checks


class _Proof:
    def __init__(self, at: Addresses, who: Tokens | Given, step_s: float) -> None:
        self._step_s = step_s
        self.checks: list[Check] = []
        self._at, self._who = at, who
        self._open: list[Device] = []
        self._users: dict[str, str] = {}  # by device

    async def run(self) -> None:
        for number, device in enumerate(_devices(self._at)):
            user = FIRST if number == 0 else SECOND
            await self._step(device.name, self._connect(device, user))
        found = await self._step("http-api", self._chat())
        if found is None:
            return
        room, sent = str(found["room_id"]), _Sent()
        for sender in self._senders():
            await self._step(f"message-from-{sender.name}", self._send(sender, room, sent))
        if sent:
            await self._step("history", self._history(room, sent))
            await self._step("clean-up", self._delete(room, sent))

    async def close(self) -> None:
        for device in self._open:
            await device.close()

    async def _step(self, name: str, step: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
        """Run a step and keep its result; None if it failed."""
        began = time.monotonic()
        why = ""
        try:
            async with asyncio.timeout(self._step_s):
                done = await step
        except (ProofError, HttpError) as fault:
            why = str(fault)
        except TimeoutError:
            why = f"no result within {self._step_s:.0f} s"
        took_ms = round((time.monotonic() - began) * 1000)
        if why:
            self.checks.append(Check(name, "fault", why, _REMEDY, _GUIDE, took_ms))
            return None
        self.checks.append(Check(name, "ok", str(done["found"]), took_ms=took_ms))
        return done

    async def _connect(self, device: Device, user: str) -> dict[str, Any]:
        self._open.append(device)  # closed also if it opens half way
        try:
            await device.open(await self._token(user))
            hello = await device.call("hello", {})
        except BaseException:
            self._open.remove(device)
            await device.close()
            raise
        self._users[device.name] = hello["user_id"]
        return {"found": f"connected as {hello['user_id']} in {hello['region']}"}

    async def _chat(self) -> dict[str, Any]:
        """The room of the two, made the first time."""
        body: dict[str, Any] = {"room_type": "private_chat", "participants": [SECOND]}
        if isinstance(self._who, Given):
            user = next(iter(self._users.values()), None)
            if user is None:
                raise ProofError("no connection was opened, so the token's user is not known")
            room = f"proof-{sha256(user.encode()).hexdigest()[:16]}"
            status, answer = await self._ask("GET", f"/v1/rooms/{room}")
            if status == 200:
                return {"room_id": room, "found": f"the room {room} is there"}
            body = {"room_type": "group_chat", "participants": [], "room_id": room}
        status, answer = await self._ask("POST", "/v1/rooms", body)
        if status not in (200, 201):
            raise ProofError(f"POST /v1/rooms: {status} {reason(answer)}")
        return {"room_id": answer["room_id"], "found": f"the room {answer['room_id']} is there"}

    async def _send(self, sender: Device, room: str, sent: _Sent) -> dict[str, Any]:
        """Send a message, and wait until every other device was pushed it."""
        body = {"conversation_id": room, "message_type": "text", "content": "tidings proof"}
        message = str((await sender.call("send_message", body))["message_id"])
        sent[message] = self._users[sender.name]
        others = [each for each in self._open if each is not sender]
        for each in others:
            try:
                async with asyncio.timeout(self._step_s / 2):
                    await _until(each, message)
            except TimeoutError:
                raise ProofError(f"acked, but not pushed to {each.name}") from None
        told = ", ".join(each.name for each in others) or "nobody else is connected"
        return {"found": f"acked and pushed to {told}"}

    async def _history(self, room: str, sent: _Sent) -> dict[str, Any]:
        status, answer = await self._ask("GET", f"/v1/rooms/{room}/messages?limit=50")
        if status != 200:
            raise ProofError(f"GET /v1/rooms/{room}/messages: {status} {reason(answer)}")
        missing = sent.keys() - {each["message_id"] for each in answer["messages"]}
        if missing:
            raise ProofError(f"acked, but not in the history: {', '.join(sorted(missing))}")
        return {"found": f"has the {len(sent)} messages"}

    async def _delete(self, room: str, sent: _Sent) -> dict[str, Any]:
        for message, user in sent.items():
            path = f"/v1/rooms/{room}/messages/{message}"
            status, answer = await self._ask("DELETE", path, user=user)
            if status not in (200, 204):
                raise ProofError(f"DELETE {path}: {status} {reason(answer)}")
        return {"found": f"the {len(sent)} messages are deleted"}

    async def _ask(
        self, method: str, path: str, body: Any = None, user: str = FIRST
    ) -> tuple[int, dict[str, Any]]:
        # An admin may make rooms with users whom nobody may add.
        token = await self._token(user, ["admin"] if method == "POST" else [])
        return await request(method, self._at.url + path, token, body, within_s=self._step_s)

    async def _token(self, user: str, roles: Iterable[str] = ()) -> str:
        if isinstance(self._who, Given):
            return self._who.token
        return await self._who.issue(user, list(roles))

    def _senders(self) -> list[Device]:
        """The JSON device of each shard and one of Socket.IO, as far as they are open."""
        json_ones = [each for each in self._open if isinstance(each, JsonDevice)]
        stock = [each for each in self._open if isinstance(each, SocketIoDevice)]
        return [*json_ones, *stock[:1]]


async def _until(device: Device, message: str) -> None:
    while await device.heard.get() != message:
        pass


def _devices(at: Addresses) -> list[Device]:
    json_devices = [JsonDevice(url, shard) for shard, url in enumerate(at.websocket_urls)]
    if at.one_host:
        stock = [
            SocketIoDevice(at.url, transport, "/socket.io")
            for transport in ("websocket", "polling")
        ]
        return [*json_devices, *stock]
    # A WebSocket API has its stage as the path, and no polling.
    parts = urlsplit(at.websocket_urls[0])
    host = f"{parts.scheme.replace('ws', 'http', 1)}://{parts.netloc}"
    return [*json_devices, SocketIoDevice(host, "websocket", parts.path)]
