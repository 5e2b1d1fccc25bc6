"""Measure a room in which many write at once: `python -m workbench.load.hot_room [--rates 60 200]`.

The product's own handler runs on the in-memory twins, whose calls take as long as on AWS: each
message is one thread, as it is one invocation there. Senders do not wait for each other, and no
message is tried again. With `--deaths`, that part of the invocations dies at a commit, before or
after it; with `--flush`, Redis loses everything that often. At the end the log must be in order
and have every acked message once.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from chalicelib.entrypoints import websocket
from chalicelib.kernel import telemetry
from chalicelib.model.identifiers import MessageId, RoomId
from chalicelib.services import Services

from .twins import Delays, Twins

ROOM = RoomId("hot")
_THREADS = 600


class Died(BaseException):
    """An invocation ends here, without an answer."""


@dataclass
class Chaos:
    """Deaths of invocations at their commits: the part of the commits, and a source of chance."""

    deaths: float
    chance: random.Random
    lock: threading.Lock = field(default_factory=threading.Lock)
    died: int = 0

    def commit(self, act: Callable[[], Any]) -> Any:
        with self.lock:
            dies, after = self.chance.random() < self.deaths, self.chance.random() < 0.5
            self.died += dies
        if dies and not after:
            raise Died
        result = act()
        if dies:
            raise Died
        return result


@dataclass
class Results:
    """Of one run: seconds to each ack by content, and the codes of the errors."""

    acks: dict[int, float] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    refused_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, number: int, seconds: float, answer: dict[str, Any]) -> None:
        with self.lock:
            if answer["event"] == "ack":
                self.acks[number] = seconds
                self.ids[number] = answer["data"]["message_id"]
                return
            code = answer["data"]["code"]
            self.errors[code] += 1
            if code == "rate_limited":
                self.refused_s.append(seconds)


def _send(services: Services, device: str, number: int, results: Results) -> None:
    data = {
        "conversation_id": ROOM,
        "message_type": "text",
        "content": number,
        "client_message_id": f"c{number}",
    }
    body = json.dumps({"action": "send_message", "data": data, "id": number})
    began = time.perf_counter()
    try:
        answer = websocket.message(services, Twins.event(device, "MESSAGE", body))
    except Died:
        return
    results.note(number, time.perf_counter() - began, json.loads(answer["body"]))


def _offer(twins: Twins, devices: list[str], options: argparse.Namespace, rate: int) -> Results:
    """Send at this rate, at random times, whatever the answers."""
    results, chance = Results(), random.Random(options.seed)
    running: list[Future[None]] = []
    start = at = flushed = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as pool:
        while at < start + options.seconds:
            at += chance.expovariate(rate)
            time.sleep(max(0.0, at - time.perf_counter()))
            if options.flush and at - flushed >= options.flush:
                flushed = at
                twins.cache.flush()
            number = len(running)
            device = devices[number % len(devices)]
            running.append(pool.submit(_send, twins.services, device, number, results))
    for each in running:
        each.result()
    return results


def _check(twins: Twins, results: Results) -> None:
    entries = twins.log.after(ROOM, twins.region, MessageId(""), 10**6)
    if [entry.seq for entry in entries] != list(range(1, len(entries) + 1)):
        raise RuntimeError("the stream has a hole or a fork")
    counts = Counter(entry.content for entry in entries)
    doubled = [number for number, count in counts.items() if count > 1]
    stored = {entry.content: entry.message_id for entry in entries}
    lost = [number for number, each in results.ids.items() if stored.get(number) != each]
    if doubled or lost:
        raise RuntimeError(f"doubled {doubled[:5]}, acked and lost {lost[:5]}")


def measure(options: argparse.Namespace, rate: int) -> str:
    chaos = Chaos(options.deaths, random.Random(options.seed))
    twins = Twins(Delays(transaction_s=options.transaction / 1000), chaos.commit)
    devices = twins.members(ROOM, options.senders)
    before = twins.transactions
    results = _offer(twins, devices, options, rate)
    _check(twins, results)
    offered = len(results.acks) + sum(results.errors.values()) + chaos.died
    transactions = (twins.transactions - before) / max(1, len(results.acks))
    line = (
        f"{rate}/s: {offered} sent, {100 * len(results.acks) / offered:.1f} % acked at first try, "
        f"{_spread(results.acks.values())}, {transactions:.2f} transactions a message"
    )
    if chaos.died:
        line += f", {chaos.died} invocations died"
    if results.refused_s:
        line += f", refusals {_spread(results.refused_s)}"
    return line + "".join(f", {count} {code}" for code, count in results.errors.items())


def _spread(seconds: Any) -> str:
    """The median and the 99th percentile."""
    ordered = sorted(seconds)
    if not ordered:
        return "none"
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"p50 {p50 * 1000:.0f} ms p99 {p99 * 1000:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[60, 200, 500])
    parser.add_argument("--senders", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--transaction", type=float, default=20, help="milliseconds")
    parser.add_argument("--deaths", type=float, default=0, help="part of the commits")
    parser.add_argument("--flush", type=float, default=0, help="seconds between losses of Redis")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    telemetry.configure("ERROR", "Load")
    for rate in options.rates:
        print(measure(options, rate), flush=True)


if __name__ == "__main__":
    main()
