"""The process of the stock JavaScript clients: its end is an error, not silence."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.node import installed
from workbench.drills.history import Client
from workbench.drills.recorder import Recorder
from workbench.drills.swarm import Swarm, SwarmEnded

NOWHERE = "http://127.0.0.1:9"  # the port that discards: nobody listens there


async def say_until_it_is_refused(swarm: Swarm) -> None:
    for _ in range(3_000):
        swarm.say({})
        await asyncio.sleep(0.01)


def test_a_process_that_fails_ends_the_drill() -> None:
    installed()

    async def drill() -> None:
        async with Swarm(NOWHERE, Recorder(time.monotonic)) as swarm:
            swarm.say({"cut": "nobody"})  # it fails with a TypeError
            await say_until_it_is_refused(swarm)

    with pytest.raises(SwarmEnded):
        asyncio.run(drill())


def test_a_line_that_nobody_understands_ends_the_drill() -> None:
    installed()

    async def drill() -> None:
        async with Swarm(NOWHERE, Recorder(time.monotonic)) as swarm:
            swarm.member(Client("ann"), "token", {}, {"transports": ["websocket"]})
            swarm.say({"open": {"client": "bob", "token": "", "rooms": {}, "others": []}})
            with pytest.raises(SwarmEnded):
                await say_until_it_is_refused(swarm)

    with pytest.raises(KeyError, match="bob"):
        asyncio.run(drill())
