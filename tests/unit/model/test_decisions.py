"""What regions decide on a pair is merged without loss, in whatever order it arrives."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from chalicelib.model.decisions import Decision, addition, merged, of_region, removal, removed
from chalicelib.model.identifiers import Region

US, EU, AP = Region("us-east-1"), Region("eu-west-1"), Region("ap-southeast-1")
Past = frozenset[int]
SEEDS = range(300)


def order(value: int) -> int:
    return -value


@dataclass
class Replica:
    """The items of one region, each with its write time; and the numbers of the decisions known."""

    held: dict[Region | None, tuple[tuple[int, Region], Decision[int]]] = field(
        default_factory=dict
    )
    known: Past = frozenset()

    @property
    def decisions(self) -> list[Decision[int]]:
        return [decision for _, decision in self.held.values()]

    def value(self) -> int | None:
        return merged(self.decisions, order)


class Run:
    """Regions that decide on one pair, and what the rule says of their decisions.

    Attributes:
        additions, removals: Of each decision, by its number, those that it knew.
    """

    def __init__(self, seed: int, regions: tuple[Region, ...]) -> None:
        self.random = Random(seed)
        self.replicas = {region: Replica() for region in regions}
        self.skew = {region: self.random.randint(-500, 500) for region in regions}
        self.waiting: list[tuple[Region, tuple[int, Region], Decision[int], Past]] = []
        self.additions: dict[int, Past] = {}
        self.removals: dict[int, Past] = {}
        self.now = 1_000

    def decide(self, region: Region) -> None:
        replica = self.replicas[region]
        value, number = replica.value(), len(self.additions) + len(self.removals)
        if value is None:
            decision = addition(replica.decisions, region, number)
            self.additions[number] = replica.known
        else:
            decision = removal(replica.decisions, region, value)
            self.removals[number] = replica.known
        replica.known |= {number}
        self.now += self.random.randint(0, 300)
        at = (self.now + self.skew[region], region)
        replica.held[decision.region] = (at, decision)
        for to in self.replicas.keys() - {region}:
            self.waiting.append((to, at, decision, replica.known))

    def deliver(self, which: int) -> None:
        to, at, decision, known = self.waiting.pop(which)
        replica = self.replicas[to]
        held = replica.held.get(decision.region)
        if held is None or held[0] < at or decision.version > held[1].version:
            replica.held[decision.region] = (at, decision)
        replica.known |= known

    def rule(self) -> set[int]:
        """The additions that hold: those that knew every removal."""
        return {number for number, knew in self.additions.items() if knew >= self.removals.keys()}


@pytest.mark.parametrize("regions", [(US, EU), (US, EU, AP)], ids=["two", "three"])
def test_every_replica_comes_to_what_the_rule_says(regions: tuple[Region, ...]) -> None:
    outcomes = set()
    for seed in SEEDS:
        run = Run(seed, regions)
        for _ in range(run.random.randint(1, 25)):
            if run.waiting and run.random.random() < 0.5:
                run.deliver(run.random.randrange(len(run.waiting)))
            else:
                run.decide(run.random.choice(regions))
        while run.waiting:
            run.deliver(run.random.randrange(len(run.waiting)))
        values = {replica.value() for replica in run.replicas.values()}
        assert len(values) == 1, f"seed {seed}: {values}"
        [value] = values
        assert (value is not None) == bool(run.rule()), f"seed {seed}: {value}, {run.rule()}"
        assert value is None or value in run.rule(), f"seed {seed}: {value}, {run.rule()}"
        outcomes.add((value is None, len(run.rule()) > 1))
    assert outcomes == {(True, False), (False, False), (False, True)}, "not all cases were met"


def test_a_removal_wins_over_an_addition_that_did_not_know_it() -> None:
    shared = addition([], US, 1)
    here = removal([shared], US, 1)
    there = [shared, removal([shared], EU, 1)]
    again = addition(there, EU, 2)
    assert merged([shared, again], order) == 2
    assert merged([shared, again, here], order) is None
    assert merged([shared, again, addition([shared, again, here], US, 3)], order) == 3


def test_a_decision_passes_on_what_it_knew() -> None:
    """The removal of one region may arrive after the decision of another that followed it."""
    shared = addition([], US, 1)
    gone = removal([shared], EU, 1)
    back = addition([shared, gone], US, 2)
    at_third = [shared, back]  # without `gone`
    left = removal(at_third, AP, 2)
    again = addition([*at_third, left], AP, 3)
    assert merged([shared, gone, back, again], order) == 3


def test_the_first_addition_is_shared_by_all_regions() -> None:
    assert addition([], US, 1) == addition([], EU, 1) == Decision(None, 1)


def test_of_additions_that_do_not_know_of_each_other_the_order_decides() -> None:
    shared = addition([], US, 1)
    gone = [shared, removal([shared], US, 1)]
    both = [addition(gone, US, 7), addition(gone, EU, 5)]
    assert merged([shared, *both], order) == merged([shared, *both[::-1]], order) == 5


def test_the_newest_removal_is_known() -> None:
    shared = addition([], US, 1)
    gone = removal([shared], US, 1)
    back = addition([shared, gone], EU, 2)
    assert removed([shared]) is None
    assert removed([shared, gone]) == 1
    assert removed([shared, gone, removal([shared, gone, back], EU, 2)]) == 2
    assert of_region([shared, gone], US) == gone
    assert of_region([shared, gone], None) == shared
    assert of_region([gone], EU) is None
