"""What a topic brings is posted while it is useful, and otherwise counted."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from chalicelib.jobs.relayed import KINDS, RelayDelivered, RelayedJob, RelayRoomView, RelayTyping
from chalicelib.regions.relaying import Relaying
from tests.support.examples import example
from tests.support.world import FakeClock


class Posted:
    """Stands for both features: notes what is posted."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.calls.append(name)


def relay(kind: type[RelayedJob], age_ms: int) -> list[str]:
    posted, clock, job = Posted(), FakeClock(), example(kind)
    clock.ms = job.at_ms + age_ms
    relaying = Relaying(posted, posted, clock)  # type: ignore[arg-type]
    if isinstance(job, RelayTyping):
        relaying.typing(job, 1)
    elif isinstance(job, RelayRoomView):
        relaying.room_view(job)
    elif isinstance(job, RelayDelivered):
        relaying.delivered(job, 1)
    return posted.calls


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_too_late_is_counted_and_not_posted(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # A clock of another region may be ahead.
    for age_ms in (-500, 0, kind.useful_ms):
        assert relay(kind, age_ms) == [kind.kind]
    assert relay(kind, kind.useful_ms + 1) == []
    lines = [json.loads(each.message) for each in caplog.records]
    counted = [name for line in lines for name in line if name.startswith("events_")]
    assert counted == ["events_relayed"] * 3 + ["events_too_late"]


def test_what_lasts_is_useful_for_longer() -> None:
    assert RelayTyping.useful_ms < RelayRoomView.useful_ms < RelayDelivered.useful_ms
