"""What calls of the ports are on the bill. A call that is not here is one that nobody has priced.

Units of DynamoDB are for items of up to 1 KB, and for reads that are strongly consistent or of
less than 4 KB. A write in a transaction counts twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from operate.cost import budgets

# (port, method)
Call = tuple[str, str]

REDIS = ("cache", "sessions", "trails")
READS = {
    ("connections", "get"),
    ("connections", "devices"),
    ("cursors", "get"),
    ("friends", "put_by"),
    ("friends", "mutual"),
    ("consents", "get"),
    ("consents", "under"),
    ("log", "after"),
    ("log", "before"),
    ("log", "get"),
    ("markers", "furthest"),
    ("markers", "note"),
    ("presence", "get"),
    ("presence", "get_many"),
    ("revocations", "until_ms"),
    ("rooms", "member"),
    ("rooms", "rooms_of"),
}
BATCHES = {("cursors", "of"), ("log", "heads"), ("markers", "of_user")}  # of all rooms of the user
PAIRS = {("cursors", "parts")}  # the cursors of the stream and of one part
WRITES = {
    ("checkpoints", "put"): 1,
    ("connections", "disconnect"): 3,
    ("connections", "put"): 3,
    ("connections", "touch"): budgets.SEEN_WRITES,
    ("cursors", "advance"): 1,
    ("log", "commit"): 6,
    ("markers", "move"): 1,
    ("presence", "announced"): 1,
    ("presence", "change"): 1,
}
_REGIONAL = ("connections", "cursors")  # the others' tables are global
# Cached for minutes; counted as posts; no call.
FREE = {("arrivals", "read"), ("secrets", "get"), ("poster", "post"), ("parallel", "run")}


class Unpriced(Exception):
    """Nobody has said what this call costs."""


def bill(calls: Mapping[Call, int], rooms: int = 1) -> dict[str, float]:
    """The quantities of `budgets.Calls` that these calls are.

    Args:
        rooms: Rooms of the user, each with one stream.

    Raises:
        Unpriced: A call has no price.
    """
    found: Counter[str] = Counter()
    for call, times in calls.items():
        if call[0] in REDIS:
            found["redis"] += times
        elif call in READS:
            found["reads"] += times
        elif call in PAIRS:
            found["reads"] += times * 2
        elif call in BATCHES:
            found["reads"] += times * rooms
        elif call in WRITES:
            found["writes"] += times * WRITES[call]
            if call[0] not in _REGIONAL:
                found["copied"] += times * WRITES[call]
        elif call[1] == "send":
            found["fifo" if call[0] == "delivery" else "standard"] += times
        elif call == ("topic", "publish"):
            found["published"] += times
        elif call == ("delivery", "delete"):
            found["deletes"] += times
        elif call not in FREE:
            raise Unpriced(f"{call} has no price")
    names = ("redis", "reads", "writes", "copied", "fifo", "standard", "published", "deletes")
    return {name: float(found[name]) for name in names}
