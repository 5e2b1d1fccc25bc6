"""Broken frames of every protocol: some thousand each time, and as many as one asks for.

    python -m workbench.fuzz --inputs 100000 --seed 1

sends 100,000; the same seed and number repeat a campaign exactly. `FUZZ_SEED` lets this
test search elsewhere.
"""

from __future__ import annotations

import os
import random

import pytest

from chalicelib import actions
from workbench.fuzz import campaign, targets
from workbench.fuzz.__main__ import told
from workbench.fuzz.frames import ACTIONS, Frames
from workbench.fuzz.ground import Ground

INPUTS = 4_000
SEED = int(os.environ.get("FUZZ_SEED", "7"))


def test_nothing_breaks() -> None:
    result = campaign.run(INPUTS, SEED)
    assert result.ok, told(result)
    assert set(result.answers) == {each.name for each in targets.TARGETS}
    assert sum(sum(each.values()) for each in result.answers.values()) == INPUTS
    assert result.charged + result.free == INPUTS
    assert result.answers["json websocket"]["ack"] > INPUTS / 50
    assert result.answers["engine.io websocket"]["ended"] < INPUTS * 0.3 * 0.7, "too broken to tell"


def test_a_seed_repeats_a_campaign() -> None:
    assert campaign.run(300, 3) == campaign.run(300, 3)
    assert campaign.run(300, 3).answers != campaign.run(300, 4).answers


def test_every_action_is_among_the_frames() -> None:
    assert set(ACTIONS) == set(actions.ACTIONS)


def test_inputs_are_what_api_gateway_passes_on() -> None:
    frames = Frames(random.Random(1), lambda: "a.b.c")
    for _ in range(2_000):
        for text in (frames.json_frame(), frames.engine_frame(), frames.payload()):
            text.encode()
            assert len(text) <= 1_000_000


class Broken(targets.JsonTarget):
    """A client of a service with every fault that the fuzzer looks for."""

    name = "broken"
    fault = ""

    def send(self) -> targets.Told:
        match self.fault:
            case "raises":
                raise ValueError("boom")
            case "internal":
                return targets.Told("x", '{"event":"error","data":{"code":"internal"}}')
            case "closed":
                self.ground.posts.closed.add(self.id)
            case "not paid":
                self.ground.services.adapters.connections.get(self.id)  # type: ignore[arg-type]
                return targets.Told("x", '{"event":"ack"}')
            case "job":
                self.ground.failed.append("outbound: Job")
            case "silent":
                self.ground.say = lambda *_: ""  # type: ignore[method-assign]
        return super().send()


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("raises", "raised ValueError"),
        ("internal", "answered with internal"),
        ("closed", "the connection was closed"),
        ("not paid", "paid for none"),
        ("job", "a job failed"),
        ("silent", "does not answer"),
    ],
)
def test_faults_are_found(fault: str, found: str) -> None:
    kind = type("Faulty", (Broken,), {"fault": fault})
    result = campaign.run(20, 1, kinds={kind: 1.0})
    assert any(found in each.what for each in result.findings), told(result)


def test_what_is_left_in_redis_is_found() -> None:
    with Ground(1) as ground:
        before = ground.keys()
        sid, _ = ground.connect(targets.WEBSOCKET)
        assert f"engine:{{{sid}}}" in set(ground.keys()) - set(before)
