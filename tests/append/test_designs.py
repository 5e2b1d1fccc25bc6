"""Each design of an append keeps its promises in every order of steps, and needs each rule."""

from __future__ import annotations

import pytest

from workbench.append.designs import DESIGNS
from workbench.append.explorer import State, Store, Writer, broken, explore

ATTEMPTS = ("a", "a", "b")
RULES = [(name, rule) for name, design in DESIGNS.items() for rule in design.variants]


@pytest.mark.parametrize("name", DESIGNS)
def test_a_message_that_is_sent_twice_beside_another(name: str) -> None:
    found = explore(DESIGNS[name].program, ATTEMPTS)
    assert found.faults == {}
    assert found.states > 1_000


@pytest.mark.parametrize("name", DESIGNS)
def test_three_attempts_of_one_message(name: str) -> None:
    assert explore(DESIGNS[name].program, ("a", "a", "a")).faults == {}


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_without_a_rule_a_promise_is_broken(name: str, rule: str) -> None:
    found = explore(DESIGNS[name].variants[rule], ATTEMPTS)
    assert found.faults
    assert all(found.faults.values()), "each has the steps that lead to it"


@pytest.mark.parametrize("name", DESIGNS)
def test_writers_get_their_acks(name: str) -> None:
    """A design that never commits would break nothing."""
    store, program = Store(), DESIGNS[name].program
    for seq, message in enumerate(("a", "b", "a"), 1):
        writer = Writer(message)
        for _ in range(50):
            if writer.at not in program:
                break
            *_, (store, writer) = program[writer.at](store, writer)
        assert (writer.at, writer.seq) == ("acked", 1 if message == "a" else seq)


@pytest.mark.extended
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", DESIGNS)
def test_two_messages_that_are_sent_twice(name: str) -> None:
    assert explore(DESIGNS[name].program, ("a", "a", "b", "b")).faults == {}


@pytest.mark.parametrize(
    ("store", "fault"),
    [
        (Store(frozenset({(1, "a"), (1, "b")}), 1), "fork"),
        (Store(frozenset({(2, "a")}), 2), "hole"),
        (Store(frozenset({(1, "a")}), 2, "a"), "twice"),
        (Store(frozenset({(1, "b")}), 1), "lost"),
        (Store(frozenset({(1, "a")}), 0), "unseen"),
    ],
)
def test_what_is_broken(store: Store, fault: str) -> None:
    state = State(store, (Writer("a", "acked", seq=1),))
    assert [each.split(":")[0] for each in broken(state)][:1] == [fault]
    assert list(broken(State(Store(frozenset({(1, "a")}), 1), state.writers))) == []
