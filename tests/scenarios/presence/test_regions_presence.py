"""A user whose devices are in several regions is one user to their friends, in every region."""

from __future__ import annotations

from random import Random

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.jobs.delivery import SettlePresence
from chalicelib.model.identifiers import Region, UserId
from chalicelib.model.presence import Presence
from tests.support.replicas import AP, EU, US, Deployment
from tests.support.world import World

SEEDS = range(25)
STATUSES = ("online", "away", "offline")


class Run:
    """alice has devices in all regions; bob, her friend, watches from each of them."""

    def __init__(self, *regions: Region, seed: int = 0, merging: bool = True) -> None:
        self.random = Random(seed)
        self.deployment = Deployment(*regions, merging=merging)
        self.deployment.set_clocks([self.random.randint(-3_000, 3_000) for _ in regions])
        first = self.deployment.worlds[regions[0]]
        for one, other in (("alice", "bob"), ("bob", "alice")):
            assert first.http(rest.put_friend, one, user_id=other).status == 200
        self.deployment.replicate_all()
        self.bobs = {region: self.world(region).connect("bob") for region in regions}
        self.devices: dict[Region, list[str]] = {region: [] for region in regions}
        self.settle()

    def world(self, region: Region) -> World:
        return self.deployment.worlds[region]

    def connect(self, region: Region) -> None:
        self.devices[region].append(self.world(region).connect("alice"))

    def disconnect(self, region: Region) -> None:
        self.world(region).disconnect(self.devices[region].pop())

    def choose(self, region: Region, status: str) -> None:
        self.world(region).act(self.devices[region][-1], "set_status", status=status)

    def settle(self) -> None:
        """Let everything be replicated and every wait be over."""
        for _ in range(3):
            self.deployment.replicate_all(self.random)
            self.deployment.wait(31)
        self.deployment.replicate_all(self.random)

    def told(self, region: Region) -> list[str]:
        events = self.world(region).poster.to(self.bobs[region], "friend_status_update")
        assert all(event["user_id"] == "alice" for event in events)
        times = [event["timestamp"] for event in events]
        assert times == sorted(times), "a client would drop the one that looks older"
        return [event["status"] for event in events]

    def shown(self, region: Region) -> str:
        answer = self.world(region).http(rest.list_presence, "bob", multi={"user_id": ["alice"]})
        return str(answer.body["presence"][0]["status"])

    def seen(self) -> list[tuple[str, str]]:
        """What bob was told last and what he can read, in each region."""
        return [((self.told(r) or ["offline"])[-1], self.shown(r)) for r in self.devices]

    def step(self) -> None:
        region = self.random.choice(list(self.devices))
        roll = self.random.random()
        if roll < 0.25 or not self.devices[region]:
            self.connect(region)
        elif roll < 0.5:
            self.disconnect(region)
        elif roll < 0.65:
            self.choose(region, self.random.choice(STATUSES))
        elif roll < 0.75:
            self.deployment.apart ^= {region}
        elif roll < 0.85:
            self.deployment.wait(self.random.choice([1, 12, 40]))
        else:
            self.deployment.pump()
            self.deployment.replicate_some(self.random, 8)


@pytest.fixture
def run() -> Run:
    return Run(US, EU)


def everywhere(status: str) -> list[tuple[str, str]]:
    return [(status, status)] * 2


def test_friends_in_every_region_see_where_one_is(run: Run) -> None:
    run.connect(US)
    run.settle()
    assert run.seen() == everywhere("online")
    run.connect(EU)
    run.disconnect(US)
    run.settle()
    assert run.told(US) == run.told(EU) == ["online"], "they have only moved"
    run.disconnect(EU)
    run.settle()
    assert run.seen() == everywhere("offline")


def test_what_one_chooses_holds_in_every_region(run: Run) -> None:
    run.connect(US)
    run.connect(EU)
    run.choose(US, "offline")
    run.settle()
    assert run.seen() == everywhere("offline")
    run.disconnect(US)
    run.settle()
    assert run.seen() == everywhere("offline"), "the other device stays invisible"
    run.choose(EU, "away")
    run.settle()
    assert run.seen() == everywhere("away")
    run.connect(US)
    run.choose(US, "online")
    run.settle()
    assert run.seen() == everywhere("online")


def test_a_choice_wins_over_an_earlier_one_whatever_the_clocks_say(run: Run) -> None:
    run.deployment.set_clocks([5_000, 0])
    run.connect(US)
    run.connect(EU)
    run.choose(US, "away")
    run.deployment.replicate_all()
    run.choose(EU, "offline")
    run.settle()
    assert run.seen() == everywhere("offline")


def test_new_friends_see_each_other_over_regions(run: Run) -> None:
    run.connect(EU)
    cem = run.world(US).connect("cem")
    run.settle()
    for region, one, other in ((US, "cem", "alice"), (EU, "alice", "cem")):
        assert run.world(region).http(rest.put_friend, one, user_id=other).status == 200
    run.settle()
    told = run.world(US).poster.to(cem, "friend_status_update")
    assert {(each["user_id"], each["status"]) for each in told} == {("alice", "online")}


@pytest.mark.parametrize("regions", [(US, EU), (US, EU, AP)], ids=["two", "three"])
def test_all_regions_come_to_show_the_same(regions: tuple[Region, ...]) -> None:
    for seed in SEEDS:
        run = Run(*regions, seed=seed)
        for _ in range(40):
            run.step()
        run.deployment.apart.clear()
        run.settle()
        seen = run.seen()
        assert len({status for pair in seen for status in pair}) == 1, f"seed {seed}: {seen}"
        connected = any(run.devices.values())
        assert connected or seen[0] == ("offline", "offline"), f"seed {seed}"
        for region, devices in run.devices.items():
            if devices:
                run.choose(region, "away")
                run.choose(region, "online")
        run.settle()
        status = "online" if connected else "offline"
        assert run.seen() == [(status, status)] * len(regions), f"seed {seed}"


def test_without_merging_friends_are_told_of_one_region() -> None:
    run = Run(US, EU, merging=False)
    run.connect(US)
    run.connect(EU)
    run.settle()
    run.disconnect(US)
    run.settle()
    assert run.seen() == [("offline", "offline"), ("online", "online")]


def test_a_job_that_was_stopped_and_sends_what_is_outdated_is_followed_by_another() -> None:
    """The region's own item has no new version if the user is connected elsewhere."""
    run = Run(US, EU)
    run.connect(US)
    run.settle()
    here = run.world(EU)
    store = here.adapters.presence
    announced = store.announced

    def stopped(presence: Presence) -> None:
        store.announced = announced  # type: ignore[method-assign]
        run.connect(US)
        run.settle()
        announced(presence)
        here.adapters.outbound.jobs.clear()  # all other jobs have run before
        here.adapters.delivery.jobs.clear()

    store.announced = stopped  # type: ignore[method-assign]
    run.disconnect(US)
    run.world(US).wait(31)
    while can := run.deployment.deliverable():
        run.deployment.replicate(can[0])
    here.adapters.outbound.jobs.clear()
    here.adapters.delivery.jobs.clear()
    here.services.presences.settle(SettlePresence(user_id=UserId("alice"), due=False))
    here.pump()
    assert store.announced == announced, "it was stopped"
    assert run.seen() == [("online", "online")] * 2
    run.disconnect(US)
    run.settle()
    assert run.seen() == [("offline", "offline")] * 2
