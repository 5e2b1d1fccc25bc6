"""Measure Socket.IO handshakes: `python -m workbench.load.handshake [--times 50]`.

From the first byte to the CONNECT's answer, over a websocket and over polling; and from there until
the websocket of an upgrade has answered an event. Each without and with connection state recovery.
What they cost in calls is counted by `tests/scenarios/cheap/test_handshake_budgets.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import aiohttp

from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

from .rate import spread, token

Query = dict[str, str]


async def _measure(stack: EmbeddedStack, times: int, recovery: bool) -> str:
    first: list[float] = []
    polling: list[float] = []
    upgrade: list[float] = []
    async with aiohttp.ClientSession() as http:
        for number in range(times):
            payload = {"token": token(stack, f"user{number}"), "recovery": recovery}
            connect = "40" + json.dumps(payload)
            first.append(await _websocket(http, stack, connect))
            one, other = await _polling(http, stack, connect)
            polling.append(one)
            upgrade.append(other)
    mode = "with recovery" if recovery else "without recovery"
    return (
        f"{mode}, {times} each: websocket first {spread(first)}; polling first {spread(polling)}; "
        f"upgrade {spread(upgrade)}"
    )


async def _websocket(http: aiohttp.ClientSession, stack: EmbeddedStack, connect: str) -> float:
    start = time.perf_counter()
    async with http.ws_connect(_url(stack), params=_query("websocket")) as socket:
        await _until(socket, "0")
        await socket.send_str(connect)
        await _until(socket, "40")
        return time.perf_counter() - start


async def _polling(
    http: aiohttp.ClientSession, stack: EmbeddedStack, connect: str
) -> tuple[float, float]:
    start = time.perf_counter()
    query = _query("polling")
    query["sid"] = json.loads((await _get(http, stack, query))[1:])["sid"]
    async with http.post(_url(stack), params=query, data=connect) as answer:
        answer.raise_for_status()
    while "40{" not in await _get(http, stack, query):
        pass
    connected = time.perf_counter()
    over = {**_query("websocket"), "sid": query["sid"]}
    async with http.ws_connect(_url(stack), params=over) as socket:
        await socket.send_str("2probe")
        await _until(socket, "3probe")
        await socket.send_str("5")
        await socket.send_str('420["hello"]')
        await _until(socket, "430")
        return connected - start, time.perf_counter() - connected


async def _get(http: aiohttp.ClientSession, stack: EmbeddedStack, query: Query) -> str:
    async with http.get(_url(stack), params=query) as answer:
        answer.raise_for_status()
        return await answer.text()


async def _until(socket: aiohttp.ClientWebSocketResponse, start: str) -> None:
    while not (await socket.receive_str(timeout=30)).startswith(start):
        pass


def _url(stack: EmbeddedStack) -> str:
    return f"{stack.url}/socket.io/"


def _query(transport: str) -> Query:
    return {"EIO": "4", "transport": transport}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    times = parser.parse_args().times
    with in_thread(EmbeddedStack(port=0)) as stack:
        for recovery in (False, True):
            print(asyncio.run(_measure(stack, times, recovery)), flush=True)


if __name__ == "__main__":
    main()
