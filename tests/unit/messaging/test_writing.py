"""Appends in two regions whose log is one, or not yet."""

from __future__ import annotations

import pytest

from chalicelib.kernel.errors import PermissionDenied
from chalicelib.model.rooms import Role
from tests.support.regions import ALICE, BOB, EU, LOBBY, US, Regions


def test_a_clock_that_is_behind_puts_nothing_before_what_was_there(regions: Regions) -> None:
    regions.send(US, "early")
    regions.clock.ms -= 60_000
    regions.send(US, "late")
    assert regions.history() == (["early", "late"], False)


def test_a_resend_in_another_region_is_no_second_message(regions: Regions) -> None:
    first = regions.send(US, "once", client_id="c1")
    again = regions.send(EU, "once", client_id="c1")
    assert (again.message_id, again.seq, again.region) == (first.message_id, 1, US)
    assert regions.history() == (["once"], False)
    [job] = regions.queues[EU].jobs
    assert job.entry.message_id == first.message_id


def test_a_resend_brings_the_entry_that_is_not_there_yet(regions: Regions) -> None:
    first = regions.send(US, "once", client_id="c1")
    regions.log.late = {first.message_id}
    assert regions.history() == ([], False)
    regions.send(EU, "once", client_id="c1")
    assert regions.history() == (["once"], False)


def test_two_senders_may_use_the_same_client_message_id(regions: Regions) -> None:
    regions.send(US, "of alice", ALICE, "1")
    regions.send(US, "of bob", BOB, "1")
    assert regions.history() == (["of alice", "of bob"], False)


def test_only_who_manages_a_room_deletes_what_others_wrote(regions: Regions) -> None:
    entry = regions.send(US, "mine")
    delete = regions.of[EU].delete
    with pytest.raises(PermissionDenied):
        delete(BOB, Role.MEMBER, LOBBY, entry.message_id, None, None)
    delete(BOB, Role.ADMIN, LOBBY, entry.message_id, None, None)
    assert regions.history() == (["None"], False)
