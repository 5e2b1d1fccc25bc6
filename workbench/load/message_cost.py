"""Count and price a message: `python -m workbench.load.message_cost [--write]`.

The product's own handlers run on the in-memory twins, and every call that leaves a function is
counted: from the frame of a sender who wants an ack, with the receipts that are the default, until
every other member's device has been posted to and no job is left. All members are connected once,
all by JSON or all by Socket.IO with connection state recovery, and the room is in use, so that its
caches are filled. `bill` says what a call is on the bill, `operate/cost` what that costs.
`--write` puts the table into docs/how-to/deploy.md.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.kernel import telemetry
from chalicelib.model.identifiers import RoomId
from operate.cost import Price, load, message_usd
from operate.cost.budgets import Calls
from operate.cost.markdown import usd

from .bill import bill
from .twins import Twins

BEGIN = "<!-- message cost: written by `python -m workbench.load.message_cost --write` -->"
END = "<!-- message cost: end -->"
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "deploy.md"
ROOMS = (2, 20, 500)
KINDS = ("JSON", "stock")
_WARM = 2  # messages before the one that is counted
_SHOWN = ("API Gateway", "Lambda", "DynamoDB", "SQS", "Logs")


@dataclass(frozen=True, slots=True)
class Counted:
    """A message to a room.

    Attributes:
        members: Members of the room, all connected.
        clients: One of `KINDS`.
        invocations: Each invocation of a function with its calls, and its posts to clients.
    """

    members: int
    clients: str
    invocations: Sequence[tuple[Calls, int]]

    def total(self, quantity: str) -> float:
        """The sum of a quantity of `Calls`."""
        return float(sum(getattr(calls, quantity) for calls, _ in self.invocations))

    @property
    def queue_requests(self) -> float:
        """Requests to queues, Lambda's included: each that sends is one to receive and delete."""
        return 3 * (self.total("fifo") + self.total("standard")) + self.total("deletes")

    @property
    def posts(self) -> int:
        return sum(posts for _, posts in self.invocations)


def count(members: int, clients: str) -> Counted:
    """Count a message to a room with so many connected members."""
    twins, room_id = Twins(outbox=True), RoomId("room")
    connect = twins.connect if clients == "JSON" else twins.connect_stock
    sender, *receivers = [connect(user) for user in twins.room(room_id, members)]
    twins.drain()
    for number in range(_WARM):
        _say(twins, sender, clients, number)
        twins.drain()
    invocations = [_invocation(twins, "websocket_message", lambda: _say(twins, sender, clients, 9))]
    sources = {
        "deliver": twins.deliver.serve,
        "outbound": twins.outbound.serve,
        "replicated": twins.report,
    }
    for name, serve in sources.items():
        while (invocation := _invocation(twins, name, serve)) is not None:
            invocations.append(invocation)
    counted = Counted(members, clients, [each for each in invocations if each is not None])
    if counted.posts != len(receivers):
        raise RuntimeError(f"{counted.posts} posts for {len(receivers)} receivers")
    return counted


def _invocation(twins: Twins, function: str, run: Callable[[], int]) -> tuple[Calls, int] | None:
    """Run an invocation; its calls and posts. None if nothing ran."""
    before, trips, posted = Counter(twins.calls), twins.trips, len(twins.posts.taken)
    if not run():
        return None
    found = bill(twins.calls - before)
    answered = int(function == "websocket_message")
    calls = Calls(
        function,
        frames_in=answered,
        frames_out=answered,
        redis=twins.trips - trips,
        reads=found["reads"],
        writes=found["writes"],
        copied=found["copied"],
        fifo=int(found["fifo"]),
        standard=int(found["standard"]),
        deletes=int(found["deletes"]),
    )
    return calls, len(twins.posts.taken) - posted


def _say(twins: Twins, sender: str, clients: str, number: int) -> int:
    """Send a message that must be acked; 1, as it is one invocation."""
    data = {
        "conversation_id": "room",
        "message_type": "text",
        "content": "x" * 100,
        "client_message_id": f"c{number}",
    }
    frame = json.dumps({"action": "send_message", "data": data, "id": number})
    begin = '{"event":"ack"'
    if clients != "JSON":
        frame, begin = f"42{number}" + json.dumps(["send_message", data]), f'43{number}[{{"ok":true'
    answer = twins.say(sender, frame)
    if not answer.replace(" ", "").startswith(begin):
        raise RuntimeError(answer)
    return 1


def block(prices: Mapping[str, Price]) -> str:
    """The table, with its marks."""
    counts = ["members", "clients", "invocations", "Redis trips", "DynamoDB units read / written"]
    head = [*counts, "SQS requests", "posts", *_SHOWN, "other", "**all**"]
    rows = [f"| {' | '.join(head)} |", "|---:|---" + "|---:" * (len(head) - 2) + "|"]
    for members in ROOMS:
        rows += [_row(count(members, clients), prices) for clients in KINDS]
    return "\n".join([BEGIN, "", *rows, "", END])


def _row(counted: Counted, prices: Mapping[str, Price]) -> str:
    costs = message_usd(counted.invocations, prices)
    total, shown = sum(costs.values()), [costs[service] for service in _SHOWN]
    cells = (
        str(counted.members),
        counted.clients,
        f"{len(counted.invocations)}",
        f"{counted.total('redis'):g}",
        f"{counted.total('reads'):g} / {counted.total('writes'):g}",
        f"{counted.queue_requests:g}",
        f"{counted.posts}",
        *(usd(each) for each in (*shown, total - sum(shown))),
        f"**{usd(total)}**",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"update {GUIDE.name}")
    options = parser.parse_args()
    telemetry.configure("ERROR", "Load")
    table = block(load())
    if not options.write:
        print(table)
        return
    text = GUIDE.read_text()
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    GUIDE.write_text(text[:begin] + table + text[end:])


if __name__ == "__main__":
    main()
