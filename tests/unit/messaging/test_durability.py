"""Which region is asked to keep a spare, and for how long one that is silent is left alone."""

from __future__ import annotations

import pytest

from chalicelib.adapters.memory import MemoryPeerQueues, MemoryQueue
from chalicelib.jobs.foreign import KeepSpare
from chalicelib.messaging.durability import REST_MS, SecondRegion
from chalicelib.model.identifiers import Region
from tests.support.stores import message
from tests.support.world import FakeClock

EU, AP = Region("eu-west-1"), Region("ap-southeast-1")
ENTRY = message(1)


class Rig:
    def __init__(self, *reached: Region) -> None:
        self.clock = FakeClock()
        self.queues = MemoryPeerQueues({region: MemoryQueue() for region in reached})
        self.second = SecondRegion(self.queues, (EU, AP), self.clock)

    def waiting(self, region: Region) -> list[object]:
        return list(self.queues.queues[region].jobs)


def test_the_first_region_gets_it_and_is_to_pass_it_on() -> None:
    rig = Rig(EU, AP)
    assert rig.second.takes(ENTRY)
    assert rig.waiting(EU) == [KeepSpare(entry=ENTRY, others=(AP,))]
    assert rig.waiting(AP) == []


def test_a_silent_region_is_asked_again_after_its_rest() -> None:
    rig = Rig(AP)
    for _ in range(3):
        assert rig.second.takes(ENTRY)
    assert rig.queues.asked == [EU, AP, AP, AP]
    rig.clock.ms += REST_MS
    assert rig.second.takes(ENTRY)
    assert rig.queues.asked == [EU, AP, AP, AP, EU, AP]


def test_nobody_answers_until_one_has_rested() -> None:
    rig = Rig()
    assert rig.second.answers()
    assert not rig.second.takes(ENTRY)
    assert not rig.second.answers()
    assert not rig.second.takes(ENTRY)
    assert rig.queues.asked == [EU, AP]
    rig.clock.ms += REST_MS
    assert rig.second.answers()


def test_a_spare_is_passed_on_once_and_to_those_only_that_have_none() -> None:
    rig = Rig(EU, AP)
    rig.second.pass_on(KeepSpare(entry=ENTRY, others=(AP,)))
    assert rig.waiting(EU) == []
    assert rig.waiting(AP) == [KeepSpare(entry=ENTRY)]
    rig.second.pass_on(KeepSpare(entry=ENTRY))
    assert rig.queues.asked == [AP]


def test_a_region_that_refuses_is_silent_too() -> None:
    """Such as one whose key this region may not use."""

    class Refusing(MemoryPeerQueues):
        def send(self, region: Region, job: KeepSpare) -> None:
            if region == EU:
                self.asked.append(region)
                raise ValueError("the key is not yours")
            super().send(region, job)

    rig = Rig()
    queues = Refusing({AP: MemoryQueue()})
    second = SecondRegion(queues, (EU, AP), rig.clock)
    assert second.takes(ENTRY)
    assert second.takes(ENTRY)
    assert queues.asked == [EU, AP, AP]


@pytest.mark.parametrize("others", [(AP,), (EU, AP)])
def test_passing_on_never_fails(others: tuple[Region, ...]) -> None:
    rig = Rig()
    rig.second.pass_on(KeepSpare(entry=ENTRY, others=others))
    assert rig.queues.asked == list(others)


def test_the_job_says_to_whom() -> None:
    job = KeepSpare(entry=ENTRY, others=(AP,))
    assert KeepSpare.of_record(job.record()) == job
    assert job.delay_s == 5
