"""Stock sockets in several regions: what crosses has offsets, and they recover anywhere (R13)."""

from __future__ import annotations

import pytest

from chalicelib.messaging.foreign import HOLE_S
from chalicelib.model.identifiers import RoomId
from chalicelib.sessions.late_rooms import LOOK_AFTER_S
from tests.support.deployment import EU, US, Deployment, Which, dedupes, entries, heads, number
from tests.support.socketio import Device


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    return deployment


def carry(deployment: Deployment) -> None:
    deployment.replicate()
    deployment.pump()


def test_what_crosses_is_recovered(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    deployment.send(US, "1")
    carry(deployment)
    assert bob.hear() == ["1"]
    bob.cut()
    deployment.send(US, "2")
    deployment.send(EU, "3")
    carry(deployment)
    assert bob.come().recovered
    assert bob.got == ["1", "2", "3"]


def test_one_that_moves_recovers_what_it_missed_of_both(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    deployment.send(US, "1")
    deployment.send(EU, "2")
    carry(deployment)
    assert sorted(bob.hear()) == ["1", "2"]
    bob.cut()
    deployment.send(US, "3")
    deployment.send(EU, "4")
    carry(deployment)
    deployment.replicate_checkpoints(EU, US)
    bob.world = deployment[US]
    assert bob.come().recovered
    assert sorted(bob.got) == ["1", "2", "3", "4"]
    assert bob.got[2:] == ["3", "4"]


def test_it_gets_nothing_again_that_has_not_arrived_where_it_moves_to(
    deployment: Deployment,
) -> None:
    bob = Device(deployment[EU], "bob").come()
    for text in "12":
        deployment.send(EU, text)
    deployment.pump()
    assert bob.hear() == ["1", "2"]
    bob.cut()
    deployment.replicate_checkpoints(EU, US)
    bob.world = deployment[US]
    assert bob.come().recovered, "a replica that lags is no reason to start over"
    carry(deployment)
    deployment.send(EU, "3")
    carry(deployment)
    assert bob.hear() == ["1", "2", "3"]


@pytest.mark.parametrize("first", [entries, heads, dedupes])
def test_a_head_that_is_here_before_its_entry_is_not_taken_for_it(
    deployment: Deployment, first: Which
) -> None:
    deployment.send(US, "1", client_message_id="c1")
    deployment.replicate(first)
    bob = Device(deployment[EU], "bob").come()
    carry(deployment)
    deployment.send(US, "2")
    carry(deployment)
    assert bob.hear() == ["1", "2"], "a sync does not return what has no head here yet"


def test_of_an_older_room_an_entry_that_is_here_before_its_head_is_pushed(
    deployment: Deployment,
) -> None:
    deployment.triggers = False
    deployment.send(US, "0")  # before this region carried: it has no cursor
    deployment.replicate()
    deployment.send(US, "1")
    deployment.replicate(entries)
    bob = Device(deployment[EU], "bob").come()
    deployment.triggers = True
    arrived = deployment.logs[EU].before(RoomId("lobby"), US, None, 1)
    deployment.report(EU, [*arrived])
    carry(deployment)
    assert bob.hear() == ["1"], "a sync that was answered before did not return it"


def test_an_entry_that_is_here_before_its_head_is_recovered(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    bob.cut()
    for text in "12":
        deployment.send(US, text)
        deployment.replicate(entries)
        deployment.pump()  # nobody is connected
        assert bob.come().recovered
        bob.cut()
    assert bob.got == ["1", "2"]
    carry(deployment)
    deployment.send(US, "3")
    carry(deployment)
    assert bob.come().recovered
    assert bob.got == ["1", "2", "3"]


def test_one_that_comes_while_an_entry_is_missing_gets_it(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    deployment.send(US, "1")
    carry(deployment)
    assert bob.hear() == ["1"]
    bob.cut()
    for text in "234":
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 3))
    deployment.pump()
    assert bob.come().recovered
    assert bob.got == ["1", "2"]
    carry(deployment)
    assert bob.hear() == ["1", "2", "3", "4"]


def test_one_that_comes_while_the_first_entry_is_missing_gets_it(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    deployment.send(EU, "0")
    deployment.pump()
    assert bob.hear() == ["0"]
    bob.cut()
    for text in "123":
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 1))
    deployment.pump()
    assert bob.come().recovered
    carry(deployment)
    assert bob.hear() == ["0", "1", "2", "3"]


def test_what_was_passed_over_comes_late_and_keeps_recovery_exact(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    for text in "123":
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 2))
    deployment.wait(HOLE_S + 1)
    assert bob.hear() == ["1", "3"]
    deployment.replicate(number(2))
    deployment.pump()
    assert bob.hear() == ["1", "3", "2"]
    bob.cut()
    deployment.send(US, "4")
    carry(deployment)
    assert bob.come().recovered
    assert bob.got == ["1", "3", "2", "4"]


def test_one_that_comes_after_it_was_passed_over_gets_the_rest(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    deployment.send(US, "1")
    carry(deployment)
    assert bob.hear() == ["1"]
    bob.cut()
    for text in "234":
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 2))
    deployment.wait(HOLE_S + 1)
    assert bob.come().recovered
    assert bob.got == ["1", "3", "4"]
    carry(deployment)
    assert sorted(bob.hear()) == list("1234")


def test_a_room_that_is_new_to_it_is_sent_once_although_an_entry_is_missing(
    deployment: Deployment,
) -> None:
    bob = Device(deployment[EU], "bob").come()
    bob.cut()
    deployment.pass_ms(1000)
    deployment.room("alice", "bob", room_id="new")
    for text in "123":
        deployment.send(US, text, room_id="new")
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 2))
    deployment.pump()
    assert bob.come().recovered
    assert bob.got == ["1"], "what follows a hole comes with what is missing"
    carry(deployment)
    assert bob.hear() == ["1", "2", "3"]


def test_the_second_look_for_its_rooms_passes_no_hole(deployment: Deployment) -> None:
    bob = Device(deployment[EU], "bob").come()
    bob.cut()
    assert bob.come().recovered
    deployment.wait(LOOK_AFTER_S - 5)
    deployment.room("alice", "bob", room_id="new")
    for text in "12":
        deployment.send(US, text, room_id="new")
    deployment.replicate(lambda item: not number(1)(item))
    deployment.wait(6)
    assert bob.hear() == []
    carry(deployment)
    assert bob.hear() == ["1", "2"]


def test_of_two_copies_the_other_is_not_recovered(deployment: Deployment) -> None:
    """Both regions stored it: each device has had the copy of the region in which it was."""
    devices = {region: Device(deployment[region], "bob").come() for region in (US, EU)}
    for region in (US, EU):
        deployment.send(region, "once", client_message_id="c1")
    deployment.pump()
    carry(deployment)
    for bob in devices.values():
        assert bob.hear() == ["once"]
        bob.cut()
        assert bob.come().recovered
        assert bob.got == ["once"]


def test_of_two_copies_that_it_missed_one_is_recovered(deployment: Deployment) -> None:
    bob = Device(deployment[US], "bob").come()
    deployment.send(US, "0")
    deployment.pump()
    assert bob.hear() == ["0"]
    bob.cut()
    for region in (US, EU):
        deployment.send(region, "once", client_message_id="c1")
    carry(deployment)
    assert bob.come().recovered
    assert bob.got == ["0", "once"]


def test_of_two_copies_the_other_is_not_sent_with_what_follows_it(deployment: Deployment) -> None:
    """What a socket was never sent is sent before the next entry of its stream."""
    bob = Device(deployment[US], "bob").come()
    deployment.send(EU, "before", client_message_id="c0")
    deployment.send(US, "once", client_message_id="c1")
    deployment.send(EU, "once", client_message_id="c1")
    deployment.pump()
    carry(deployment)
    assert sorted(bob.hear()) == ["before", "once"]
    bob.cut()
    assert bob.come().recovered
    deployment.send(EU, "after")
    carry(deployment)
    assert sorted(bob.hear()) == ["after", "before", "once"]
