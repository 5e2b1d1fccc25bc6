"""Appends in two regions whose log is one, or not yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel import ids
from chalicelib.kernel.errors import NotFound, PermissionDenied, Unavailable
from chalicelib.messaging.reading import LATE_MS as DAY_MS
from chalicelib.model.identifiers import MessageId, UserId
from chalicelib.model.log import Committed, EntryKind
from chalicelib.model.rooms import Role
from tests.support.counting import counted
from tests.support.regions import ALICE, BOB, EU, LOBBY, US, Regions
from tests.support.world import World


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


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_in_a_private_chat_nobody_deletes_what_the_other_wrote(
    regions: Regions, role: Role
) -> None:
    chat = ids.private_room_id(ALICE, BOB)
    entry = regions.send(US, "mine", room_id=chat)
    delete = regions.of[US].delete
    with pytest.raises(PermissionDenied):
        delete(BOB, role, chat, entry.message_id, None, None)
    delete(ALICE, role, chat, entry.message_id, None, None)
    found = regions.reader.find(chat, entry.message_id)
    assert found is not None
    assert found.deleted


def test_a_reply_names_a_message_of_its_room(regions: Regions) -> None:
    first = regions.send(US, "question")
    assert regions.send(EU, "answer", reply_to=first.message_id).reply_to_message_id == (
        first.message_id
    )
    deletions = regions.of[US].delete(ALICE, Role.OWNER, LOBBY, first.message_id, None, None)
    regions.send(US, "to a deleted one", reply_to=first.message_id)
    before = regions.history()
    regions.clock.ms += DAY_MS
    elsewhere = regions.send(US, "elsewhere", room_id="another")
    regions.clock.ms += DAY_MS
    far_ahead = ids.first_at(regions.clock.ms + ids.MOST_AHEAD_MS + 10)
    for name in (elsewhere.message_id, deletions[0].message_id, far_ahead, ids.encode(7), "Z" * 26):
        with pytest.raises(NotFound, match="reply_to_message_id"):
            regions.send(US, "refused", reply_to=name)
    assert regions.history() == before


def test_a_reply_may_name_what_has_not_arrived_from_another_region(regions: Regions) -> None:
    first = regions.send(US, "question")
    regions.log.late = {first.message_id}
    regions.clock.ms += DAY_MS - 1_000
    answer = regions.send(EU, "answer", reply_to=first.message_id)
    assert answer.reply_to_message_id == first.message_id
    regions.clock.ms += 1_000
    with pytest.raises(NotFound):
        regions.send(EU, "a day later", reply_to=first.message_id)


def test_a_resend_that_names_another_reply_gets_what_was_stored(regions: Regions) -> None:
    first = regions.send(US, "once", client_id="c1")
    for region in (US, EU):
        again = regions.send(region, "once", client_id="c1", reply_to=ids.encode(7))
        assert again == first
    with pytest.raises(NotFound):
        regions.send(US, "another", client_id="c2", reply_to=ids.encode(7))


def test_a_reply_to_what_may_arrive_asks_for_no_resend(regions: Regions) -> None:
    first = regions.send(US, "question")
    regions.log.late = {first.message_id}
    asked: list[object] = []
    regions.log.find = lambda *key: asked.append(key)  # type: ignore[method-assign]
    regions.send(EU, "answer", client_id="c1", reply_to=first.message_id)
    assert asked == []


def test_one_region_refuses_a_reply_to_what_is_not_there() -> None:
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    text = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    first = world.act(alice, "send_message", **text)["message_id"]
    ports = counted(world)
    world.act(alice, "send_message", **text, reply_to_message_id=first)
    assert ports["log"].calls == ["get", "commit"], "one read"
    missing = str(ids.following(MessageId(first)))
    answer = world.ask(alice, "send_message", **text, reply_to_message_id=missing)
    assert answer["data"]["code"] == "not_found"
    refused = world.http(
        rest.post_message,
        "alice",
        {"message_type": "text", "content": "x", "reply_to_message_id": missing},
        room_id="lobby",
    )
    assert (refused.status, refused.body["error"]["code"]) == (404, "not_found")
    head = world.adapters.log.heads([(LOBBY, world.services.region)])
    assert head[LOBBY, world.services.region].seq == 2, "nothing was written"
