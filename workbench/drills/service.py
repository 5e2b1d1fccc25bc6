"""What a drill needs of the stack, apart from clients: tokens, rooms, the log, the queues."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import aiohttp

from .history import Client, Key, LogEntry, MessageId, Room

_PAGE = 100
_UNAVAILABLE, _PAUSE_S = 503, 0.5


class ServiceError(Exception):
    """The drill cannot go on after this answer; the text says why."""


class Service:
    """An async context with one HTTP session.

    Args:
        url: The stack itself, even if its clients connect through a proxy.
        patience_s: How long a read is repeated while the stack is too busy to answer it.
    """

    def __init__(self, url: str, patience_s: float = 60.0) -> None:
        self._url = url
        self._patience_s = patience_s
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Service:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *fault: object) -> None:
        assert self._http is not None
        await self._http.close()

    async def token(self, user: str, *roles: str) -> str:
        body = {"user_id": user, "expires_in_s": 7200, "roles": roles}
        return str((await self._ask("POST", "/dev/token", body=body))["token"])

    async def drain(self, token: str) -> None:
        """Begin to move all clients of the region to another one."""
        await self._ask("PUT", "/v1/admin/drain", token, {})

    async def undrain(self, token: str) -> None:
        """Let the region take clients again."""
        await self._ask("DELETE", "/v1/admin/drain", token)

    async def connections(self, token: str) -> int | None:
        """How many connections the region has; None while it does not know."""
        found = (await self._ask("GET", "/v1/admin/drain", token))["connections"]
        return None if found is None else int(found)

    async def takes_clients(self) -> bool:
        """Whether the region's health check lets new clients come."""
        assert self._http is not None
        try:
            async with self._http.get(f"{self._url}/v1/health") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def room(self, token: str, others: Sequence[Client]) -> tuple[Room, dict[str, Any]]:
        """Create a room with one message; return it with the position after that message."""
        body = {"room_type": "group_chat", "participants": list(others)}
        room = Room((await self._ask("POST", "/v1/rooms", token, body))["room_id"])
        return room, await self.send(token, room, "the storm begins")

    async def send(self, token: str, room: Room, content: str) -> dict[str, Any]:
        """Send a message to a room; return it."""
        message = {"message_type": "text", "content": content}
        return dict(await self._ask("POST", f"/v1/rooms/{room}/messages", token, message))

    async def log(self, token: str, room: Room, after: MessageId) -> tuple[LogEntry, ...]:
        """The room's messages after this one."""
        entries: list[LogEntry] = []
        more = True
        while more:
            path = f"/v1/rooms/{room}/messages?after={after}&limit={_PAGE}"
            page = await self._ask("GET", path, token)
            entries += [
                LogEntry(
                    MessageId(each["message_id"]),
                    Key(each["client_message_id"]),
                    each["position"].partition(":")[0],
                )
                for each in page["messages"]
            ]
            more = page["more"]
            after = entries[-1].message_id if entries else after
        return tuple(entries)

    async def has(self, token: str, room: Room, message_id: MessageId) -> bool:
        """Whether the region has this room, with this message as its newest."""
        rooms = (await self._ask("GET", "/v1/rooms", token))["rooms"]
        if room not in {each["room_id"] for each in rooms}:
            return False
        page = await self._ask("GET", f"/v1/rooms/{room}/messages?limit=1", token)
        return bool(page["messages"]) and page["messages"][0]["message_id"] == message_id

    async def sockets(self) -> int:
        """The number of websockets that the region's gateway holds."""
        return int((await self._ask("GET", "/dev/stats"))["connections"])

    async def served(self) -> tuple[int, int]:
        """How many calls the functions of before the newest version have served, and the newest."""
        found = (await self._ask("GET", "/dev/ready"))["served"]
        return sum(found[:-1]), int(found[-1])

    async def waiting(self) -> int:
        """Number of messages in the local stack's queues."""
        return sum((await self._ask("GET", "/dev/stats"))["queues"].values())

    async def _ask(self, method: str, path: str, token: str = "", body: Any = None) -> Any:
        assert self._http is not None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        until_s = time.monotonic() + self._patience_s
        while True:
            try:
                async with self._http.request(
                    method, self._url + path, json=body, headers=headers
                ) as answer:
                    if answer.status < 300:
                        return await answer.json()
                    why = f"{method} {path}: {answer.status} {await answer.text()}"
            except (aiohttp.ClientError, TimeoutError) as fault:
                raise ServiceError(f"{method} {self._url}{path}: {fault!r}") from fault
            passes = method == "GET" and answer.status == _UNAVAILABLE
            if not passes or time.monotonic() > until_s:
                raise ServiceError(why)
            await asyncio.sleep(_PAUSE_S)
