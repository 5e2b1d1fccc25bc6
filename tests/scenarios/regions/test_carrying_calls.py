"""What an entry of another region costs where it arrives, counted on the twins."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.counting import counted
from tests.support.deployment import EU, US, Deployment, dedupes, entries, heads

LOG_AND_CURSORS = ("log", "cursors", "delivery", "outbound", "cache", "trails")


def arrived(client_message_id: str | None, *, after_its_key: bool = True) -> str:
    """The calls for one entry that arrives in a room of three, two of them connected here.

    Args:
        after_its_key: Its dedupe item is here, and the job of that is over.
    """
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob", "carol")
    for user in ("bob", "carol"):
        deployment[EU].connect(user)
    more = {"client_message_id": client_message_id} if client_message_id else {}
    for text in ("first", "second"):
        deployment.send(US, text)
        deployment.replicate()
        deployment.pump()
    deployment.send(US, "third", **more)
    if after_its_key:
        deployment.replicate(dedupes)
        deployment.pump()
    ports = counted(deployment[EU])
    deployment.replicate(lambda item: entries(item) or heads(item))
    deployment.pump()
    calls = Counter(f"{port}.{name}" for port in LOG_AND_CURSORS for name in ports[port].calls)
    return " ".join(f"{name}:{count}" for name, count in sorted(calls.items()))


BASE = "cache.deliver:1 cache.online:1 cursors.advance:1 cursors.get:2 delivery.send:1"


@pytest.mark.parametrize(
    ("client_message_id", "expected"),
    [
        (None, f"{BASE} log.heads:1"),
        ("c1", f"{BASE} log.copies:2 log.elsewhere:2 log.heads:1"),
    ],
)
def test_an_entry(client_message_id: str | None, expected: str) -> None:
    assert arrived(client_message_id) == expected


def test_an_entry_before_its_dedupe_item_costs_a_write_and_a_job() -> None:
    """The job comes of the write, as of one that was replicated."""
    calls = arrived("c1", after_its_key=False)
    assert "log.note_dedupe:1" in calls
    assert "outbound.send:1" in calls
