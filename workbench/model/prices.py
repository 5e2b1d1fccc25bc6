"""What messages cost, from the invocations that they caused and the list prices of `operate.cost`.

Functions are billed for the time that they took in the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from operate.cost import Price, message_usd
from operate.cost.budgets import Calls
from workbench.load.bill import bill

from .calls import Invocation

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """An invocation as it is billed."""

    calls: Calls
    posts: int
    memory_mb: int
    ms: float


def work_of(invocation: Invocation) -> Work:
    found = bill(invocation.calls)
    answers = int(invocation.function == "websocket_message")
    calls = Calls(
        invocation.function,
        frames_in=answers,
        frames_out=answers,
        redis=invocation.trips,
        reads=found["reads"],
        writes=found["writes"],
        copied=found["copied"],
        fifo=int(found["fifo"]),
        standard=int(found["standard"]),
        published=int(found["published"]),
        deletes=int(found["deletes"]),
    )
    return Work(calls, invocation.posts, invocation.memory_mb, invocation.ms)


def usd_per_million(
    work: Sequence[Work], messages: int, prices: Mapping[str, Price]
) -> Mapping[str, float]:
    """The cost of a million messages by service, from the work of so many."""
    pairs = [(each.calls, each.posts) for each in work]
    return message_usd(pairs, prices, _MILLION / messages, functions=_times(work))


def _times(work: Iterable[Work]) -> Mapping[str, tuple[int, float]]:
    """The memory (MB) and the average time (ms) of each function."""
    by_function: dict[str, list[Work]] = {}
    for each in work:
        by_function.setdefault(each.calls.function, []).append(each)
    return {
        function: (some[0].memory_mb, sum(each.ms for each in some) / len(some))
        for function, some in by_function.items()
    }
