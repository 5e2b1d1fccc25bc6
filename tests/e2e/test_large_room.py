"""A room of 2,000 connections: 1,000 members with two devices each, delivered in parts."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.people import People, name
from tests.support.stacks import Stack

MEMBERS, DEVICES, AT_ONCE, TEXTS = 1_000, 2, 40, ["one", "two", "three"]


async def heard(socket: ClientConnection, wanted: int) -> list[str]:
    """The contents of the next messages."""
    contents: list[str] = []
    while len(contents) < wanted:
        frame: dict[str, Any] = json.loads(await socket.recv())
        if frame.get("event") == "message_received":
            contents.append(frame["data"]["content"])
    return contents


@pytest.mark.extended
@pytest.mark.embedded("2,000 connections are 2,000 cold starts of processes elsewhere")
@pytest.mark.timeout(420)
def test_every_device_gets_every_message_in_order(people: People, stack: Stack) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 12_000)), hard))
    members = [name("member") for _ in range(MEMBERS)]
    owner = name("owner")
    room = people.room(owner, *members)
    speaker = people.device(owner)
    exp = int(time.time()) + 3600

    def url(user: str) -> str:
        token = jwt.encode({"sub": user, "exp": exp}, stack.secret, algorithm="HS256")
        return f"{stack.ws_url}?token={token}"

    async def whole() -> list[list[str]]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def open_one(user: str) -> ClientConnection:
            async with gate:
                return await connect(url(user), compression=None, open_timeout=60)

        users = [user for user in members for _ in range(DEVICES)]
        sockets = await asyncio.gather(*(open_one(user) for user in users))
        try:
            for text in TEXTS:
                await asyncio.to_thread(speaker.say, room, text)
            reads = (heard(socket, len(TEXTS)) for socket in sockets)
            return list(await asyncio.wait_for(asyncio.gather(*reads), 240))
        finally:
            await asyncio.gather(*(socket.close() for socket in sockets))

    got = asyncio.run(whole())
    assert len(got) == MEMBERS * DEVICES
    assert all(contents == TEXTS for contents in got)
