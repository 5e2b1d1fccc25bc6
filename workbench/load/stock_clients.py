"""Compare stock Socket.IO receivers with JSON receivers: `python -m workbench.load.stock_clients`.

The product's own handlers run on the in-memory twins, whose calls take as long as on AWS, behind a
queue with Lambda's batches and order groups. In each of two rooms, one member sends and N receive:
in one by JSON, in the other by Socket.IO with connection state recovery. The rooms take turns, so
that both have the same machine. A message is over when everybody has been posted to and no job is
left; everything that was called until then is counted, from the sender's frame on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from chalicelib.kernel import telemetry
from chalicelib.model.identifiers import RoomId, UserId

from .bill import REDIS
from .twins import Delays, Twins

_PATIENCE_S = 30.0
KINDS = ("JSON", "stock")


@dataclass
class Kind:
    """The room of one kind of receivers, and what its messages cost.

    Attributes:
        latencies_s: From a message's frame until the last post of it.
    """

    room_id: RoomId
    sender: str
    receivers: list[str]
    latencies_s: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Measurement:
    def __init__(self, receivers: int, delays: Delays) -> None:
        self.twins = Twins(delays)
        self.kinds = {name: self._room(name, receivers) for name in KINDS}
        for kind in self.kinds.values():  # the first one fills caches
            self._send(kind, 0)
            self.twins.drain()

    def run(self, messages: int, workers: int) -> None:
        """Send so many messages to each room, one after the other."""
        twins = self.twins
        twins.begin()
        sources = (twins.deliver, twins.outbound)
        for source in sources:
            source.start(workers)
        try:
            for number in range(1, messages + 1):
                for kind in self.kinds.values():
                    self._measure(kind, number)
        finally:
            for source in sources:
                source.stop()

    def _room(self, name: str, receivers: int) -> Kind:
        twins, room_id = self.twins, RoomId(name.lower())
        sender, *others = twins.room(room_id, receivers + 1)
        connect = twins.connect if name == "JSON" else twins.connect_stock
        kind = Kind(room_id, twins.connect(sender), [connect(UserId(each)) for each in others])
        twins.drain()
        return kind

    def _measure(self, kind: Kind, number: int) -> None:
        twins = self.twins
        before, posted = Counter(twins.calls), len(twins.posts.taken)
        trips, jobs, requests = twins.trips, twins.jobs_sent, twins.requests
        start_s = time.monotonic()
        self._send(kind, number)
        while len(twins.posts.taken) - posted < len(kind.receivers) or not twins.idle:
            if time.monotonic() > start_s + _PATIENCE_S:
                raise RuntimeError(f"message {number} to the {kind.room_id} room did not arrive")
            time.sleep(0.001)
        taken = twins.posts.taken[posted:]
        if sorted(each for each, _, _ in taken) != sorted(kind.receivers):
            raise RuntimeError("not everybody was posted to once")
        kind.latencies_s.append(max(at_s for _, _, at_s in taken) - start_s)
        calls = Counter(twins.calls) - before
        kind.counts["messages"] += 1
        kind.counts["posts"] += len(taken)
        kind.counts["redis trips"] += twins.trips - trips
        kind.counts["queue messages"] += twins.jobs_sent - jobs
        kind.counts["queue requests"] += twins.requests - requests
        kind.counts["dynamodb calls"] += sum(
            times for (port, _), times in calls.items() if port not in (*REDIS, *twins.queues)
        )

    def _send(self, kind: Kind, number: int) -> None:
        data = {
            "conversation_id": kind.room_id,
            "message_type": "text",
            "content": f"message {number}",
            "client_message_id": f"c{number}",
        }
        frame = {"action": "send_message", "data": data, "id": number}
        answer = json.loads(self.twins.say(kind.sender, json.dumps(frame)))
        if answer["event"] != "ack":
            raise RuntimeError(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receivers", type=int, default=100)
    parser.add_argument("--messages", type=int, default=40, help="to each room")
    parser.add_argument("--workers", type=int, default=5, help="environments for each queue")
    parser.add_argument("--redis-ms", type=float, default=1)
    parser.add_argument("--post-ms", type=float, default=12)
    options = parser.parse_args()
    telemetry.configure("ERROR", "Load")
    delays = Delays(redis_s=options.redis_ms / 1000, post_s=options.post_ms / 1000)
    measured = Measurement(options.receivers, delays)
    measured.run(options.messages, options.workers)
    print(table(measured.kinds, options.receivers))


def table(kinds: dict[str, Kind], receivers: int) -> str:
    """Averages of a message, latencies, and the ratio of stock to JSON."""
    rows = {name: _row(kind) for name, kind in kinds.items()}
    lines = [
        f"{receivers} receivers, {len(kinds['JSON'].latencies_s)} messages to each room; of one:\n",
        "| | " + " | ".join(KINDS) + " | stock / JSON |",
        "|---|---:|---:|---:|",
    ]
    for what, one in rows["JSON"].items():
        other = rows["stock"][what]
        ratio = f"{other / one:.2f}" if one else "-"
        lines.append(f"| {what} | {one:g} | {other:g} | {ratio} |")
    return "\n".join(lines)


def _row(kind: Kind) -> dict[str, float]:
    ordered = sorted(kind.latencies_s)
    names = ("queue messages", "queue requests", "redis trips", "dynamodb calls", "posts")
    spread = {"p50": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)]}
    return {
        **{name: round(kind.counts[name] / kind.counts["messages"], 2) for name in names},
        **{f"{name}, ms": round(seconds * 1000, 1) for name, seconds in spread.items()},
    }


if __name__ == "__main__":
    main()
