"""The naive design, with the same latencies: what a first version of such a back end does.

One function takes the frame. It reads who sent it, puts the message into a table, queries the
room's members and, member by member, queries the member's connections and posts to each of them
with boto3, one after the other. When all is done it returns the ack. There is no cache, no queue,
no order, no retry and no idempotency; connections that have gone are not cleaned up.

When the function runs into its time-out, the sender gets an error and the rest get nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from operate.cost.budgets import Calls

from .backend import TIMEOUT_S
from .latencies import Latencies, cpu_share
from .prices import Work
from .rooms import HOT_MEMBERS, Quiet, Seen, arrivals_us, misordered
from .spread import spread

_MEMORY_MB = 1024
_ITEM_BYTES, _UNIT_BYTES = 100, 4096  # of a membership; of a read unit
_EVENTUAL = 0.5  # of a read unit


@dataclass
class Message:
    """One message: when its sender had the answer, and each receiver the message.

    Attributes:
        arrivals: Microseconds since the frame, by receiver, of those that got it.
        is_acked: Whether the function ended in time.
    """

    calls: Counter[str] = field(default_factory=Counter)
    arrivals: dict[int, int] = field(default_factory=dict)
    answer_us: int = 0
    run_us: int = 0
    is_acked: bool = True


def send(members: int, latencies: Latencies, chance: random.Random) -> Message:
    """Send one message to a room; everybody is connected with one device."""
    message, share = Message(), cpu_share(_MEMORY_MB)

    def draw(kind: str) -> int:
        return latencies.calls[kind].draw_us(chance)

    def call(kind: str, cpu: str) -> int:
        message.calls[kind] += 1
        return round(latencies.cpu_us[cpu] / share) + draw(kind)

    begin_us = draw("frame_in")
    if chance.random() < latencies.cold_share:
        begin_us += draw("cold_start")
    now_us, end_us = begin_us, begin_us + round(TIMEOUT_S * 1e6)
    now_us += round(latencies.cpu_us["frame"] / share)
    now_us += call("dynamodb_read", "boto3") + call("dynamodb_write", "boto3")
    now_us += call("dynamodb_query", "boto3")
    for member in range(1, members):
        now_us += call("dynamodb_query", "boto3")
        now_us += call("post", "boto3_post")
        if now_us > end_us:
            message.is_acked = False
            break
        message.arrivals[member] = now_us
    message.run_us = min(now_us, end_us) - begin_us
    message.answer_us = begin_us + message.run_us + draw("answer_out")
    return message


def quiet(case: Quiet, latencies: Latencies, seed: int) -> Seen:
    """Send messages to quiet rooms."""
    chance = random.Random(f"{seed}/naive/{case.members}")
    messages = [send(case.members, latencies, chance) for _ in range(case.rooms * case.messages)]
    return _seen(case.members, {number * 1_000_000: each for number, each in enumerate(messages)})


def hot(rate: float, latencies: Latencies, seed: int) -> Seen:
    """Send messages to one room at this rate a second."""
    chance = random.Random(f"{seed}/naive/hot/{rate}")
    times_us = arrivals_us(rate, random.Random(f"{seed}/{rate}"))
    sent = {at_us: send(HOT_MEMBERS, latencies, chance) for at_us in times_us}
    return _seen(HOT_MEMBERS, sent)


def _seen(members: int, sent: Mapping[int, Message]) -> Seen:
    """What became of messages, by the time at which they were sent (us)."""
    by_receiver: dict[int, list[tuple[int, str]]] = {}
    for at_us, message in sent.items():
        for receiver, after_us in message.arrivals.items():
            by_receiver.setdefault(receiver, []).append((at_us + after_us, f"{at_us:020}"))
    times = [us for each in sent.values() for us in each.arrivals.values()]
    late = sum(not each.is_acked for each in sent.values())
    last_us = max(at_us for pairs in by_receiver.values() for at_us, _ in pairs)
    return Seen(
        messages=len(sent),
        ack=spread(each.answer_us for each in sent.values() if each.is_acked),
        receive=spread(times),
        missing=len(sent) * (members - 1) - len(times),
        misordered=misordered(by_receiver.values()),
        refused={"timeout": late} if late else {},
        taken_s=(last_us - min(sent)) / 1e6,
        work=[_work(members, each) for each in sent.values()],
    )


def _work(members: int, message: Message) -> Work:
    counts = message.calls
    listed = -(-members * _ITEM_BYTES // _UNIT_BYTES)
    reads = counts["dynamodb_read"] + counts["dynamodb_query"] - 1 + listed
    calls = Calls(
        "websocket_message",
        frames_in=1,
        frames_out=1,
        reads=reads * _EVENTUAL,
        writes=counts["dynamodb_write"],
    )
    return Work(calls, counts["post"], _MEMORY_MB, message.run_us / 1000)
