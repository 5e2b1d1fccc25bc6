"""Signed calls, judged by a gateway that verifies signatures."""

from __future__ import annotations

import asyncio

import pytest

from operate.keys import Keys
from tests.support.gateway import Functions, running
from workbench.stack.children import free_port
from workbench.stack.signed import NoAnswer, SignedCalls

KEYS = Keys("AK", "secret")
PATH = "/prod/@connections/L0SM9cOFvHcCIhw%3D"
REGION = "us-east-1"


async def test_what_is_signed_is_accepted_and_what_is_not_is_not() -> None:
    """sigv4: the path is encoded once more; 403 is a wrong signature, 410 a right one."""
    async with running(Functions(), credentials={KEYS.access_key_id: KEYS.secret_access_key}) as (
        _,
        host,
    ):
        for secret, status in ((KEYS.secret_access_key, 410), ("other", 403)):
            calls = SignedCalls(f"http://{host}/", "execute-api", REGION, Keys("AK", secret))
            answer = await calls.post(PATH, b"x", {"Content-Type": "text/plain"}, 10.0)
            assert (answer.status, b"message" in answer.body) == (status, True)
            await calls.close()


async def test_nobody_there() -> None:
    calls = SignedCalls(f"http://127.0.0.1:{free_port()}", "sqs", REGION, KEYS)
    with pytest.raises(NoAnswer):
        await calls.post("/", b"", {}, 10.0)
    await calls.close()


async def test_an_answer_that_does_not_come_in_time_or_at_all() -> None:
    ending = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ending.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    calls = SignedCalls(f"http://127.0.0.1:{port}", "sqs", REGION, KEYS)
    with pytest.raises(TimeoutError):
        await calls.post("/", b"", {}, 0.1)
    ending.set()
    with pytest.raises(NoAnswer):
        await calls.post("/", b"", {}, 10.0)
    await calls.close()
    server.close()
