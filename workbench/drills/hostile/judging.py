"""What a hostile drill has shown: delays, costs and what is left. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..figures import spread
from ..history import Acked, Client, History, MessageId, Seen, Sent

# What is kept of an attacker's session for an hour at most, and of a user, whatever they do.
KEYS_OF_SESSION, KEYS_OF_OTHERS = 2, 300
UNNOTICED_S = 0.1  # a delivery that takes no longer is never late
_SESSIONS = ("engine:{…}", "engine:{…}:out", "engine:{…}:parts")
_CALLS = ("redis", "stores", "queues", "posts")
_NUMBERS = ("made", "invocations", "ms", *_CALLS)


@dataclass(frozen=True, slots=True)
class Delays:
    """How long deliveries took, from the send until a client showed the message, in seconds."""

    count: int
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What an attack has caused.

    Attributes:
        made: Requests, packets and frames that were sent.
        answers: How often each answer came.
        invocations: Of functions, those of jobs included.
        ms: Milliseconds that these took.
    """

    made: int
    answers: Mapping[str, int]
    invocations: int
    ms: int
    redis: int
    stores: int
    queues: int
    posts: int

    def each(self, what: str) -> float:
        """A number divided by the requests that were made."""
        return round(float(getattr(self, what)) / max(1, self.made), 2)


def delays(history: History, from_s: float, to_s: float) -> Delays:
    """Of the messages that were sent within this time; those never shown are the checker's."""
    sent = {e.key: e for e in history.events if isinstance(e, Sent) and from_s <= e.at_s < to_s}
    ids = {e.message_id: e.key for e in history.events if isinstance(e, Acked) and e.key in sent}
    shown: dict[tuple[Client, MessageId], float] = {}
    for event in history.events:
        if isinstance(event, Seen) and event.message_id in ids:
            begun = sent[ids[event.message_id]]
            if event.client != begun.client:
                shown.setdefault((event.client, event.message_id), event.at_s - begun.at_s)
    found = spread(sorted(shown.values()))
    return Delays(len(shown), found["p50"], found["p99"])


def ratios(quiet: Delays, attacked: Delays) -> dict[str, float | None]:
    """How many times as long deliveries took under attack."""
    pairs = {"p50": (quiet.p50_s, attacked.p50_s), "p99": (quiet.p99_s, attacked.p99_s)}
    return {
        name: round(after / before, 2) if before and after is not None else None
        for name, (before, after) in pairs.items()
    }


def within(quiet: Delays, attacked: Delays, ratio: float) -> bool:
    """Whether both figures are at most so many times as long, or too short to be noticed."""
    pairs = ((quiet.p50_s, attacked.p50_s), (quiet.p99_s, attacked.p99_s))
    return all(
        before is not None and after is not None and after <= max(before * ratio, UNNOTICED_S)
        for before, after in pairs
    )


def between(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, int]:
    """What the honest caused between two ledgers."""
    return _less(after.get("honest", {}), before.get("honest", {}))


def costs(
    told: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, Mapping[str, int]],
    after: Mapping[str, Mapping[str, int]],
) -> dict[str, Cost]:
    """Of each attack, what the attackers tell and what the ledgers do."""
    found = {}
    for name, each in told.items():
        caused = _less(after.get(name, {}), before.get(name, {}))
        calls = {what: caused.get(what, 0) for what in (*_CALLS, "invocations", "ms")}
        answers = dict(sorted(each["answers"].items(), key=lambda pair: -pair[1]))
        found[name] = Cost(each["made"], answers, **calls)
    return found


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of costs."""
    all_ = list(costs)
    answers: Counter[str] = Counter()
    for each in all_:
        answers.update(each.answers)
    numbers = {what: sum(getattr(each, what) for each in all_) for what in _NUMBERS}
    return Cost(answers=dict(answers.most_common()), **numbers)


def is_failure(answer: str) -> bool:
    """Whether an answer is a fault of the service. 503 is none: a client may try again."""
    is_500 = answer.startswith("HTTP 5") and answer != "HTTP 503"
    return is_500 or answer in ("internal", "Internal server error", "compression taken")


def is_gone(left: Mapping[str, Any]) -> bool:
    """Whether no connection or session of an attacker is left."""
    return not left["connections"] and not any(left["keys"].get(name) for name in _SESSIONS)


def kept(left: Mapping[str, Any]) -> dict[str, bool]:
    """What must hold of what is left, in words."""
    keys = sum(left["keys"].values())
    return {
        "no connection or session of an attacker is left": is_gone(left),
        "every key in Redis expires": not left["immortal"],
        "what Redis keeps of attackers is bounded": keys
        <= KEYS_OF_OTHERS + KEYS_OF_SESSION * int(left["sessions"]),
    }


def _less(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: number - before.get(name, 0) for name, number in after.items()}
