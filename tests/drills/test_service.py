"""A drill's own calls to the stack: what is repeated, and what ends the drill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from workbench.drills.service import Service, ServiceError


@asynccontextmanager
async def answering(*statuses: int) -> AsyncIterator[tuple[str, list[str]]]:
    """A stack that answers so; its URL and the methods of the requests that it got."""
    asked: list[str] = []
    left = list(statuses)

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.method)
        status = left.pop(0)
        data = {"queues": {"delivery": 2, "outbound": 1}} if status == 200 else {"error": {}}
        return web.json_response(data, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}", asked
    await runner.cleanup()


async def test_a_read_that_the_stack_is_too_busy_for_is_repeated() -> None:
    async with answering(503, 200) as (url, asked), Service(url) as service:
        assert await service.waiting() == 3
        assert asked == ["GET", "GET"]


async def test_not_for_ever() -> None:
    async with answering(503, 200) as (url, _), Service(url, patience_s=-1) as service:
        with pytest.raises(ServiceError, match="503"):
            await service.waiting()


@pytest.mark.parametrize("status", [403, 503])
async def test_a_write_is_not(status: int) -> None:
    async with answering(status, 200) as (url, asked), Service(url) as service:
        with pytest.raises(ServiceError, match=str(status)):
            await service.token("ann")
        assert asked == ["POST"]
