"""Measure how soon friends see presence changes: `python -m workbench.load.presence [--people 20]`.

One watcher is a friend of all; the others connect one after the other, and disconnect again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from websockets.asyncio.client import ClientConnection, connect

from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

from .rate import request, spread, token


async def _measure(stack: EmbeddedStack, people: int) -> str:
    others = [f"friend{number}" for number in range(people)]
    for other in others:
        for one, friend in (("watcher", other), (other, "watcher")):
            await asyncio.to_thread(request, stack, "PUT", f"/v1/friends/{friend}", one)
    come, gone = [], []
    async with connect(f"{stack.ws_url}?token={token(stack, 'watcher')}") as watcher:
        for other in others:
            start = time.perf_counter()
            async with connect(f"{stack.ws_url}?token={token(stack, other)}"):
                await _told(watcher, other, "online")
                come.append(time.perf_counter() - start)
            left = time.perf_counter()
            await _told(watcher, other, "offline")
            gone.append(time.perf_counter() - left)
    return f"{people} people: seen online after {spread(come)}, offline after {spread(gone)}"


async def _told(watcher: ClientConnection, user: str, status: str) -> None:
    async with asyncio.timeout(60):
        while True:
            frame = json.loads(await watcher.recv())
            data = frame.get("data", {})
            if frame["event"] == "friend_status_update" and data["user_id"] == user:
                if data["status"] != status:
                    raise RuntimeError(data)
                return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    with in_thread(EmbeddedStack(port=0)) as stack:
        print(asyncio.run(_measure(stack, parser.parse_args().people)))


if __name__ == "__main__":
    main()
