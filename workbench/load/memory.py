"""Choose the functions' memory sizes: `python -m workbench.load.memory [--runs 5] [--python 3.13]`.

Lambda gives CPU in proportion to memory. From CPU that is measured here (a cold start and warm
messages of the packaged message function, `cold_start`) and the calls of each function's usual
invocation, this computes how long an invocation takes at each size, and what it costs. Nothing of
it was measured on Lambda: `--cpu-factor` scales the CPU of this machine to one of Lambda's.

A call costs CPU on top of what each invocation has of its own, and a wait for the network.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operate.cost import Price, load
from operate.cost.usage import FUNCTIONS
from operate.interpreters import find_python
from operate.package import PYTHON
from workbench.model import latencies
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

from .cold_start import measure

SIZES_MB = (256, 512, 1024, 1769)
FULL_MB = 1769  # one vCPU
# By call: its CPU as the model has it, of which only the ratios count; its wait in ms, published
# medians of 2020 to 2025, but for posts, of which nothing is published.
_CPU = {"transactions": "dynamodb", "dynamodb": "dynamodb", "sqs": "queue", "redis": "redis"}
_WAIT_MS = {"transactions": 25.0, "dynamodb": 8.0, "sqs": 12.0, "redis": 1.0}
_POST_MS, _NEXT_POST_MS = 12.0, 0.5


@dataclass(frozen=True, slots=True)
class Work:
    """The calls of a function's usual invocation.

    Attributes:
        dynamodb: All but transactions.
        posts: They go out side by side.
    """

    transactions: float = 0
    dynamodb: float = 0
    sqs: float = 0
    redis: float = 0
    posts: float = 0

    def cpu_us(self, by_call: Mapping[str, float]) -> float:
        """CPU of the calls, without what the invocation has of its own."""
        own = sum(by_call[call] * getattr(self, name) for name, call in _CPU.items())
        return float(own + by_call["post"] * self.posts)

    @property
    def wait_ms(self) -> float:
        wait = sum(ms * getattr(self, name) for name, ms in _WAIT_MS.items())
        posts = _POST_MS + _NEXT_POST_MS * (self.posts - 1) if self.posts else 0.0
        return float(wait + posts)


# A room of two that the sender delivers to: beside the commit, the lease with who is online, a
# post, the cursor, the lease's end. A room of 50 connections has 49 posts.
MESSAGE = Work(transactions=1, dynamodb=1, redis=4, posts=1)
WORK = {
    "websocket_connect": Work(dynamodb=2, sqs=1, redis=1),
    "websocket_message": MESSAGE,
    "websocket_disconnect": Work(dynamodb=2, sqs=1, redis=1),
    "api_handler": Work(dynamodb=2, redis=1),
    "deliver": Work(dynamodb=2, sqs=1, redis=4, posts=20),  # a room that is not for the lane
    "outbound": Work(dynamodb=1, sqs=1, redis=3, posts=2),
    "relay": Work(sqs=1, redis=3),
    "replicated": Work(dynamodb=1),  # of one region
    "sweep": Work(dynamodb=64, redis=2),
    "report": Work(dynamodb=1, redis=1),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A function at a size: warm and first invocation in ms, and a million warm ones in dollars."""

    function: str
    memory_mb: int
    warm_ms: float
    first_ms: float
    usd: float


def rows(warm_cpu_ms: float, first_cpu_ms: float, prices: Mapping[str, Price]) -> list[Row]:
    """Compute all rows. The CPU is that of the message function on one vCPU.

    Args:
        first_cpu_ms: Of the first message, which builds the services. The imports before it run on
            a full vCPU at any size.
    """
    found = []
    by_call = latencies.load().cpu_us
    message_us = by_call["frame"] + MESSAGE.cpu_us(by_call)
    for name, work in WORK.items():
        cpu_ms = warm_cpu_ms * (by_call["frame"] + work.cpu_us(by_call)) / message_us
        for memory_mb in SIZES_MB:
            share = min(1.0, memory_mb / FULL_MB)
            warm_ms = work.wait_ms + cpu_ms / share
            first_ms = work.wait_ms + (first_cpu_ms - warm_cpu_ms + cpu_ms) / share
            gb_s = 1_000_000 * memory_mb / 1024 * warm_ms / 1000
            usd = prices["lambda_gb_s"].usd(gb_s) + prices["lambda_requests"].usd(1_000_000)
            found.append(Row(name, memory_mb, warm_ms, first_ms, usd))
    return found


def table(found: list[Row]) -> str:
    """As Markdown: warm ms / first ms, and dollars for a million; the deployed size in bold."""
    sizes = " | ".join(f"{size:,} MB" for size in SIZES_MB)
    lines = [f"| function | {sizes} |", "|---" + "|---:" * len(SIZES_MB) + "|"]
    for name in WORK:
        cells = []
        for row in (row for row in found if row.function == name):
            cell = f"{row.warm_ms:.0f} / {row.first_ms:,.0f} ms, ${row.usd:.2f}"
            chosen = FUNCTIONS[name][0] == row.memory_mb
            cells.append(f"**{cell}**" if chosen else cell)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _measured(python: str, runs: int) -> dict[str, Any]:
    interpreter = find_python(python)
    if interpreter is None:
        raise FileNotFoundError(f"no Python {python} found")
    with in_thread(EmbeddedStack(port=0)) as stack:
        return measure(stack, python, str(interpreter), runs)["shipped"]  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=PYTHON)
    parser.add_argument("--cpu-factor", type=float, default=1.0)
    parser.add_argument("--json", action="store_true", help="Print what was measured, too.")
    options = parser.parse_args()
    at = _measured(options.python, options.runs)
    factor = options.cpu_factor
    found = rows(at["warm_cpu_ms"] * factor, at["first_cpu_ms"] * factor, load())
    if options.json:
        print(json.dumps(at))
    print(table(found))
    print(f"\nCPU: warm {at['warm_cpu_ms']:.1f} ms, first {at['first_cpu_ms']:.0f} ms, ", end="")
    print(f"init {at['init_cpu_ms']:.0f} ms, times {factor:g}; peak {at['peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
