"""Appends in two regions whose log is one, or not yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.kernel import ids
from chalicelib.kernel.errors import PermissionDenied, Unavailable
from chalicelib.model.identifiers import UserId
from chalicelib.model.log import Committed, EntryKind
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


def test_a_resend_before_the_entry_has_arrived_is_refused_and_writes_nothing(
    regions: Regions,
) -> None:
    first = regions.send(US, "once", client_id="c1")
    regions.log.late = {first.message_id}
    with pytest.raises(Unavailable):
        regions.send(EU, "another text", client_id="c1")
    assert regions.queues[EU].jobs == []
    regions.log.late = set()
    assert regions.send(EU, "another text", client_id="c1") == first
    assert regions.history() == (["once"], False)


@pytest.mark.parametrize("sender", [ALICE, BOB])
def test_a_resend_of_a_deletion_is_the_first_deletion(regions: Regions, sender: UserId) -> None:
    entry = regions.send(US, "mine")
    regions.of[US].delete(ALICE, Role.OWNER, LOBBY, entry.message_id, None, None)
    regions.of[EU].delete(sender, Role.OWNER, LOBBY, entry.message_id, None, None)
    deletion = regions.queues[US].jobs[-1].entry
    assert [job.entry for job in regions.queues[EU].jobs] == [deletion]
    assert (deletion.sender_id, deletion.target_id) == (ALICE, entry.message_id)


def test_a_deletion_of_an_earlier_version_is_found(regions: Regions) -> None:
    entry = regions.send(US, "mine")
    regions.send(US, "no deletion", UserId("deletion"), entry.message_id)
    remove = regions.of[US].delete
    remove(ALICE, Role.OWNER, LOBBY, entry.message_id, None, None)
    assert regions.queues[US].jobs[-1].entry.target_id == entry.message_id

    other = regions.send(US, "deleted by an earlier version")
    head = regions.reader.heads([LOBBY])[LOBBY][US]
    deletion = replace(
        other,
        seq=head.seq + 1,
        message_id=ids.following(other.message_id),
        kind=EntryKind.DELETION,
        content={"region": US},
        target_id=other.message_id,
    )
    key = f"deletion#{other.message_id}"
    assert regions.log.commit(deletion, head, key, regions.clock.ms) == Committed()
    remove(ALICE, Role.OWNER, LOBBY, other.message_id, None, None)
    assert regions.queues[US].jobs[-1].entry == deletion


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
