"""The stack of a hostile drill, in a process of its own, which counts who causes what.

    python -m workbench.drills.hostile.stack --stores memory

Standard output: first `{"url", "secret"}`, then one line for each line of standard input:
`{"ask": "ledger"}`, or `{"ask": "left", "users": [user id, …]}`, or, to tell whose rooms these are,
`{"ask": "rooms", "rooms": {room id: attack}}`. It ends with standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import redis

from chalicelib import wiring
from chalicelib.model.identifiers import UserId
from operate.processes import die_with_parent
from workbench import twins
from workbench.stack.embedded import EmbeddedStack

from .ledger import Ledger

# A tenth of the defaults, so that attackers on the same machine can use them up.
LIMITS = {
    **{"*": [20, 100], "connect": [1, 20], "address": [2, 100], "refused": [4, 100]},
    **{"packet": [20, 300], "send_message": [10, 50], "sync": [4, 20]},
    **{"typing_start": [4, 20], "typing_stop": [4, 20]},
}
SETTINGS = {
    "TIDINGS_PING_INTERVAL_MS": "20000",
    "TIDINGS_PING_TIMEOUT_MS": "10000",
    "TIDINGS_CONNECT_TIMEOUT_S": "10",
    "TIDINGS_LIMITS": json.dumps(LIMITS),
    "TIDINGS_LOG_LEVEL": "ERROR",
}
_SWITCH_S = 0.001
_COUNT = "stats:traffic"
_CONCURRENCY = 256  # polls of honest clients wait in executions
_MADE_UP = re.compile(r"hostile\.[a-z0-9.-]+|[0-9]+(\.[0-9]+){3}|[0-9A-Z]{26}|[\w-]{15}=")


async def serve(stores: str, out: IO[str]) -> None:
    """Run the stack, and answer on `out` until standard input ends."""
    ledger = Ledger()
    async with EmbeddedStack(
        port=0,
        concurrency=_CONCURRENCY,
        environment=SETTINGS,
        in_memory=stores == "memory",
        around=ledger.around,
    ) as stack:
        ledger.count_calls()
        _say(out, {"url": stack.url, "secret": stack.secret})
        async for line in await _lines():
            asked = json.loads(line)
            if asked["ask"] == "ledger":
                _say(out, ledger.as_data())
            elif asked["ask"] == "rooms":
                ledger.names.update(asked["rooms"])
                _say(out, {})
            else:
                _say(out, await asyncio.to_thread(_left, stack, ledger, asked["users"]))


def _left(stack: EmbeddedStack, ledger: Ledger, users: Sequence[str]) -> dict[str, Any]:
    """What Redis and the table of connections still have of the attackers.

    `keys` by their form, without the made-up parts; `immortal`: keys of anybody that never expire,
    but for the count of deliveries, which the next report lets expire;
    `sessions`: of attackers so far, with their rooms; `connections`: that are stored as connected.
    """
    adapters = wiring.services().adapters
    held = _keys(stack, adapters)
    hostile = [key for key in held if ledger.is_hostile(key)]
    rows = [each for user in users for each in adapters.connections.of_user(UserId(user))]
    return {
        "keys": dict(Counter(_MADE_UP.sub("…", key) for key in hostile)),
        "immortal": sorted(key for key, ttl_ms in held.items() if ttl_ms == -1 and key != _COUNT),
        "sessions": len(ledger.names),
        "connections": len(rows),
    }


def _keys(stack: EmbeddedStack, adapters: Any) -> Mapping[str, int]:
    """All keys of Redis with their time to live in ms, -1 for those that have none."""
    if stack.in_memory:
        found: Iterable[list[str]] = (getattr(adapters, name).keys() for name in twins.REDIS)
        return {key: 0 for each in found for key in each}
    with redis.Redis.from_url(stack.redis_url, decode_responses=True) as client:
        names = [str(key) for key in client.scan_iter(count=1_000)]
        return {key: int(client.pttl(key)) for key in names}


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


def _say(out: IO[str], what: Mapping[str, Any]) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", choices=("emulator", "memory"), default="emulator")
    options = parser.parse_args()
    if sys.platform == "linux":
        die_with_parent()
    # All invocations share this interpreter, as on AWS none do: let each wait less for its turn.
    sys.setswitchinterval(_SWITCH_S)
    # A full collection would stop all functions at once for up to 0.1 s, which no environment of
    # AWS does to another. The process ends with the drill.
    gc.disable()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Chalice logs to what is standard output when the functions are loaded
    asyncio.run(serve(options.stores, out))


if __name__ == "__main__":
    main()
