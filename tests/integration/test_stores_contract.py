"""One contract for the stores: the in-memory twins and DynamoDB keep the same promises."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.aws import client, unavailable
from chalicelib.adapters.dynamodb import (
    DynamoCheckpointStore,
    DynamoConnectionStore,
    DynamoCursors,
    DynamoFriendStore,
    DynamoMarkers,
    DynamoMessageLog,
    DynamoPresenceStore,
    DynamoRevocationStore,
    DynamoRoomStore,
)
from chalicelib.adapters.memory import (
    MemoryCheckpointStore,
    MemoryConnectionStore,
    MemoryCursors,
    MemoryFriendStore,
    MemoryMarkers,
    MemoryMessageLog,
    MemoryPresenceStore,
    MemoryRevocationStore,
    MemoryRoomStore,
)
from chalicelib.kernel.errors import NotFound, Unavailable
from chalicelib.model.connections import Connection, Devices, Target
from chalicelib.model.delivery import Cursor
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Committed, Duplicate, Entry, EntryKind, Head, Taken
from chalicelib.model.presence import Presence, Status
from chalicelib.model.receipts import Marker
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.model.sessions import Checkpoint
from chalicelib.ports.access import RevocationStore
from chalicelib.ports.connections import ConnectionStore
from chalicelib.ports.delivery import Cursors
from chalicelib.ports.friends import FriendStore
from chalicelib.ports.log import MessageLog
from chalicelib.ports.presence import PresenceStore
from chalicelib.ports.receipts import Markers
from chalicelib.ports.rooms import RoomStore
from chalicelib.ports.sessions import CheckpointStore
from tests.support.ministack import REGION, Distorted, Ministack, at_once
from workbench.stack.children import free_port

pytest_plugins = ["tests.support.ministack"]

NOW = 1_800_000_000_000
DAY_MS = 24 * 3_600_000
HERE, THERE = Region("us-east-1"), Region("eu-west-1")
LOBBY, OTHER = RoomId("lobby"), RoomId("other")
ANNA, BEN = UserId("anna"), UserId("ben")
EMPTY = Head(0, MessageId(""))
RACERS = 12
PHONE, LAPTOP = ConnectionId("phone="), ConnectionId("laptop=")


@dataclass
class Stores:
    log: MessageLog
    cursors: Cursors
    rooms: RoomStore
    connections: ConnectionStore
    friends: FriendStore
    revocations: RevocationStore
    presence: PresenceStore
    markers: Markers
    checkpoints: CheckpointStore


def _in_memory() -> Stores:
    return Stores(
        MemoryMessageLog(),
        MemoryCursors(),
        MemoryRoomStore(),
        MemoryConnectionStore(),
        MemoryFriendStore(),
        MemoryRevocationStore(),
        MemoryPresenceStore(),
        MemoryMarkers(),
        MemoryCheckpointStore(),
    )


def _on_dynamodb(dynamodb: Any, prefix: str) -> Stores:
    return Stores(
        DynamoMessageLog(dynamodb, prefix),
        DynamoCursors(dynamodb, prefix),
        DynamoRoomStore(dynamodb, prefix),
        DynamoConnectionStore(dynamodb, prefix),
        DynamoFriendStore(dynamodb, prefix),
        DynamoRevocationStore(dynamodb, prefix),
        DynamoPresenceStore(dynamodb, prefix),
        DynamoMarkers(dynamodb, prefix),
        DynamoCheckpointStore(dynamodb, prefix),
    )


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return _in_memory()
    stack: Ministack = request.getfixturevalue("ministack")
    return _on_dynamodb(stack.client("dynamodb"), stack.prefix)


@pytest.fixture
def log(stores: Stores) -> MessageLog:
    return stores.log


@pytest.fixture
def rooms(stores: Stores) -> RoomStore:
    return stores.rooms


@pytest.fixture
def connections(stores: Stores) -> ConnectionStore:
    return stores.connections


@pytest.fixture
def dynamodb(ministack: Ministack) -> Distorted:
    return Distorted(ministack.client("dynamodb"))


@pytest.fixture
def distorted(ministack: Ministack, dynamodb: Distorted) -> Stores:
    return _on_dynamodb(dynamodb, ministack.prefix)


def mid(number: int) -> MessageId:
    return MessageId(f"{number:026d}")


def message(seq: int, number: int | None = None, **more: Any) -> Entry:
    fields: dict[str, Any] = {
        "room_id": LOBBY,
        "region": HERE,
        "seq": seq,
        "message_id": mid(seq * 10 if number is None else number),
        "kind": EntryKind.MESSAGE,
        "sender_id": ANNA,
        "timestamp_ms": NOW + seq,
        "message_type": "text",
        "content": {"text": f"number {seq}"},
    }
    return Entry(**{**fields, **more})


def deletion(seq: int, target: Entry, **more: Any) -> Entry:
    return message(
        seq,
        kind=EntryKind.DELETION,
        message_type="",
        content={"region": target.region},
        target_id=target.message_id,
        **more,
    )


def head_of(entry: Entry) -> Head:
    return Head(entry.seq, entry.message_id)


def write(log: MessageLog, *entries: Entry) -> None:
    """Commit entries, each on the true head of its stream."""
    for entry in entries:
        stream = (entry.room_id, entry.region)
        assert log.commit(entry, log.heads([stream])[stream], None, NOW) == Committed()


def head(log: MessageLog, room_id: RoomId = LOBBY, region: Region = HERE) -> Head:
    return log.heads([(room_id, region)])[(room_id, region)]


class TestCommit:
    def test_writes_the_entry_and_moves_the_head(self, log: MessageLog) -> None:
        first, second = message(1), message(2)
        assert log.commit(first, EMPTY, None, NOW) == Committed()
        assert log.commit(second, head_of(first), None, NOW) == Committed()
        assert log.get(LOBBY, HERE, first.message_id) == first
        assert log.get(LOBBY, HERE, second.message_id) == second
        assert head(log) == head_of(second)

    def test_keeps_every_field(self, log: MessageLog) -> None:
        entry = message(
            1,
            reply_to_message_id=mid(3),
            client_message_id="c-1",
            delivery_receipt=True,
            origin_id=ConnectionId("L0SM9cOFvHcCIhw="),
        )
        write(log, entry)
        assert log.get(LOBBY, HERE, entry.message_id) == entry
        assert log.after(LOBBY, HERE, MessageId(""), 10) == [entry]

    @pytest.mark.parametrize(
        "content",
        [
            None,
            "",
            0,
            1.5,
            -1e-300,
            10**40,
            True,
            [],
            {},
            {"": ""},
            {"a": [1, 2.25, None, {"b": []}]},
            '你好 🙂 \u0000 \\ "',
            "\ud800 alone",
        ],
        ids=repr,
    )
    def test_content_is_any_json(self, log: MessageLog, content: Any) -> None:
        write(log, message(1, content=content))
        found = log.get(LOBBY, HERE, mid(10))
        assert found is not None
        assert found.content == content
        assert type(found.content) is type(content)

    @pytest.mark.parametrize(
        ("seq", "previous"),
        [
            (1, EMPTY),
            (2, Head(1, mid(10))),
            (2, Head(1, None)),
            (4, Head(3, mid(30))),
            (4, Head(3, None)),
        ],
    )
    def test_another_head_is_taken(self, log: MessageLog, seq: int, previous: Head) -> None:
        write(log, message(1), message(2))
        entry = message(seq, 99)
        assert log.commit(entry, previous, "key", NOW) == Taken(Head(2, mid(20)))
        assert log.get(LOBBY, HERE, entry.message_id) is None
        assert log.find(LOBBY, "key", NOW) is None
        assert head(log) == Head(2, mid(20))

    def test_a_head_ahead_of_an_empty_stream_is_taken(self, log: MessageLog) -> None:
        assert log.commit(message(5), Head(4, None), None, NOW) == Taken(EMPTY)

    @pytest.mark.parametrize("number", [19, 20])
    @pytest.mark.parametrize("last_id", [mid(20), None])
    def test_an_id_not_above_the_last_is_taken(
        self, log: MessageLog, number: int, last_id: MessageId | None
    ) -> None:
        write(log, message(1), message(2))
        result = log.commit(message(3, number), Head(2, last_id), None, NOW)
        assert result == Taken(Head(2, mid(20)))
        assert [entry.seq for entry in log.after(LOBBY, HERE, MessageId(""), 9)] == [1, 2]

    def test_a_head_known_by_its_seq_is_enough(self, log: MessageLog) -> None:
        write(log, message(1))
        assert log.commit(message(2), Head(1, None), None, NOW) == Committed()
        assert head(log) == Head(2, mid(20))

    def test_refuses_to_leave_a_hole(self, log: MessageLog) -> None:
        with pytest.raises(ValueError, match="follows"):
            log.commit(message(3), Head(1, None), None, NOW)

    def test_streams_are_apart(self, log: MessageLog) -> None:
        here, there = message(1), message(1, region=THERE)
        elsewhere = message(1, room_id=OTHER)
        write(log, here, there, elsewhere)
        assert log.after(LOBBY, THERE, MessageId(""), 9) == [there]
        assert log.after(OTHER, HERE, MessageId(""), 9) == [elsewhere]

    def test_of_racers_on_one_head_one_commits(self, log: MessageLog) -> None:
        write(log, message(1))
        results = at_once(
            RACERS, lambda n: log.commit(message(2, 100 + n), Head(1, mid(10)), f"k{n}", NOW)
        )
        winners = [n for n, result in enumerate(results) if result == Committed()]
        assert len(winners) == 1
        won = Head(2, mid(100 + winners[0]))
        assert all(r == Taken(won) for n, r in enumerate(results) if n != winners[0])
        assert [e.message_id for e in log.after(LOBBY, HERE, mid(10), 99)] == [won.last_id]
        assert [n for n in range(RACERS) if log.find(LOBBY, f"k{n}", NOW)] == winners

    def test_of_racers_on_an_empty_stream_one_commits(self, log: MessageLog) -> None:
        results = at_once(RACERS, lambda n: log.commit(message(1, 100 + n), EMPTY, None, NOW))
        assert results.count(Committed()) == 1
        assert len(log.after(LOBBY, HERE, MessageId(""), 99)) == 1

    def test_racers_that_try_again_leave_no_hole_and_no_fork(self, log: MessageLog) -> None:
        def append(number: int) -> int:
            at = EMPTY
            for attempt in itertools.count():
                entry = message(at.seq + 1, (at.seq + 1) * 1000 + number * 10 + attempt % 10)
                result = log.commit(entry, at, None, NOW)
                if result == Committed():
                    return entry.seq
                assert isinstance(result, Taken)
                at = result.head
            raise AssertionError

        assert sorted(at_once(RACERS, append)) == list(range(1, RACERS + 1))
        entries = log.after(LOBBY, HERE, MessageId(""), 99)
        assert [entry.seq for entry in entries] == list(range(1, RACERS + 1))
        assert head(log) == head_of(entries[-1])


class TestDedupe:
    FIRST = Duplicate(mid(10), HERE, 1, NOW + 1)

    @pytest.fixture
    def log(self, stores: Stores) -> MessageLog:
        assert stores.log.commit(message(1), EMPTY, "key", NOW) == Committed()
        return stores.log

    def test_find(self, log: MessageLog) -> None:
        assert log.find(LOBBY, "key", NOW) == self.FIRST
        assert log.find(LOBBY, "another", NOW) is None
        assert log.find(OTHER, "key", NOW) is None

    @pytest.mark.parametrize(
        ("seq", "previous"), [(2, Head(1, mid(10))), (1, EMPTY), (7, Head(6, None))]
    )
    def test_a_second_commit_is_a_duplicate_wherever_the_head_is(
        self, log: MessageLog, seq: int, previous: Head
    ) -> None:
        assert log.commit(message(seq, 99), previous, "key", NOW + 5) == self.FIRST
        assert head(log) == Head(1, mid(10))
        assert len(log.after(LOBBY, HERE, MessageId(""), 9)) == 1

    def test_a_region_knows_the_keys_of_the_others(self, log: MessageLog) -> None:
        assert log.commit(message(1, region=THERE), EMPTY, "key", NOW) == self.FIRST
        assert head(log, region=THERE) == EMPTY

    def test_another_room_has_keys_of_its_own(self, log: MessageLog) -> None:
        assert log.commit(message(1, room_id=OTHER), EMPTY, "key", NOW) == Committed()

    def test_is_remembered_for_a_day_to_the_millisecond(self, log: MessageLog) -> None:
        assert log.find(LOBBY, "key", NOW + DAY_MS - 1) == self.FIRST
        second = message(2)
        late = log.commit(second, Head(1, None), "key", NOW + DAY_MS - 1)
        assert late == self.FIRST
        assert log.find(LOBBY, "key", NOW + DAY_MS) is None
        assert log.commit(second, Head(1, None), "key", NOW + DAY_MS) == Committed()
        assert log.find(LOBBY, "key", NOW + DAY_MS) == Duplicate(mid(20), HERE, 2, NOW + 2)

    def test_racers_with_one_key_write_one_entry(self, log: MessageLog) -> None:
        def append(number: int) -> Any:
            at = Head(1, mid(10))
            while True:
                entry = message(at.seq + 1, (at.seq + 1) * 1000 + number)
                result = log.commit(entry, at, "raced", NOW)
                if not isinstance(result, Taken):
                    return result
                at = result.head

        results = at_once(RACERS, append)
        assert results.count(Committed()) == 1
        [entry] = log.after(LOBBY, HERE, mid(10), 99)
        first = Duplicate(entry.message_id, HERE, entry.seq, entry.timestamp_ms)
        assert [r for r in results if r != Committed()] == [first] * (RACERS - 1)


class TestDeletion:
    def test_marks_the_target_and_drops_its_content(self, log: MessageLog) -> None:
        target = message(1, client_message_id="c")
        act = deletion(2, target)
        write(log, target, act)
        gone = replace(target, deleted=True, content=None)
        assert log.get(LOBBY, HERE, target.message_id) == gone
        assert log.after(LOBBY, HERE, MessageId(""), 9) == [gone, act]

    def test_reaches_the_stream_of_another_region(self, log: MessageLog) -> None:
        target = message(1, region=THERE)
        write(log, target, message(1), deletion(2, target))
        found = log.get(LOBBY, THERE, target.message_id)
        assert found == replace(target, deleted=True, content=None)
        assert head(log, region=THERE) == head_of(target)

    def test_one_that_is_refused_changes_nothing(self, log: MessageLog) -> None:
        target = message(1)
        write(log, target, message(2))
        assert isinstance(log.commit(deletion(2, target), Head(1, None), "d", NOW), Taken)
        assert log.get(LOBBY, HERE, target.message_id) == target

    def test_twice_is_a_duplicate(self, log: MessageLog) -> None:
        target = message(1)
        write(log, target)
        assert log.commit(deletion(2, target), Head(1, None), "d", NOW) == Committed()
        assert isinstance(log.commit(deletion(3, target), Head(2, None), "d", NOW), Duplicate)
        assert head(log).seq == 2

    def test_of_what_is_not_there_writes_nothing(self, log: MessageLog) -> None:
        write(log, message(1))
        with pytest.raises(NotFound):
            log.commit(deletion(2, message(7)), Head(1, None), "d", NOW)
        assert head(log) == Head(1, mid(10))
        assert log.find(LOBBY, "d", NOW) is None
        assert log.get(LOBBY, HERE, mid(70)) is None


class TestRestore:
    def test_puts_what_is_absent_without_moving_the_head(self, log: MessageLog) -> None:
        entry = message(5, region=THERE)
        log.restore(entry)
        assert log.get(LOBBY, THERE, entry.message_id) == entry
        assert head(log, region=THERE) == EMPTY

    def test_never_overwrites(self, log: MessageLog) -> None:
        target = message(1)
        write(log, target, deletion(2, target))
        log.restore(target)
        found = log.get(LOBBY, HERE, target.message_id)
        assert found is not None
        assert (found.deleted, found.content) == (True, None)

    def test_nor_does_a_commit_overwrite_what_was_restored(self, log: MessageLog) -> None:
        restored = message(1, 500, content="restored")
        log.restore(restored)
        assert log.commit(message(1, 500), EMPTY, None, NOW) == Taken(EMPTY)
        assert log.get(LOBBY, HERE, mid(500)) == restored


class TestReading:
    def test_heads_of_more_streams_than_a_batch(self, log: MessageLog) -> None:
        names = [RoomId(f"r{n}") for n in range(230)]
        written = names[::40]
        write(log, *(message(1, room_id=name) for name in written))
        streams = [(name, HERE) for name in names]
        assert log.heads(streams) == {
            (name, HERE): Head(1, mid(10)) if name in written else EMPTY for name in names
        }

    def test_heads_of_none_and_of_one_twice(self, log: MessageLog) -> None:
        assert log.heads([]) == {}
        assert log.heads([(LOBBY, HERE)] * 2) == {(LOBBY, HERE): EMPTY}

    def test_get_of_the_unknown(self, log: MessageLog) -> None:
        write(log, message(1))
        assert log.get(LOBBY, HERE, mid(11)) is None
        assert log.get(LOBBY, THERE, mid(10)) is None

    @pytest.mark.parametrize(
        ("after", "limit", "seqs"),
        [
            ("", 9, [1, 2, 3, 4, 5]),
            ("", 2, [1, 2]),
            (mid(20), 2, [3, 4]),
            (mid(25), 9, [3, 4, 5]),
            (mid(50), 9, []),
            ("~~~", 9, []),
            ("\U0010ffff", 9, []),
        ],
    )
    def test_after(self, log: MessageLog, after: str, limit: int, seqs: list[int]) -> None:
        write(log, *(message(seq) for seq in range(1, 6)))
        found = log.after(LOBBY, HERE, MessageId(after), limit)
        assert [entry.seq for entry in found] == seqs

    @pytest.mark.parametrize(
        ("before", "limit", "seqs"),
        [
            (None, 9, [5, 4, 3, 2, 1]),
            (None, 2, [5, 4]),
            (mid(40), 2, [3, 2]),
            (mid(35), 9, [3, 2, 1]),
            (mid(10), 9, []),
            ("", 9, []),
            ("~~~", 2, [5, 4]),
        ],
    )
    def test_before(self, log: MessageLog, before: str | None, limit: int, seqs: list[int]) -> None:
        write(log, *(message(seq) for seq in range(1, 6)))
        found = log.before(LOBBY, HERE, MessageId(before) if before is not None else None, limit)
        assert [entry.seq for entry in found] == seqs

    def test_goes_on_beyond_a_megabyte(self, log: MessageLog) -> None:
        entries = [message(seq, content="x" * 200_000) for seq in range(1, 9)]
        write(log, *entries)
        assert log.after(LOBBY, HERE, MessageId(""), 8) == entries
        assert log.before(LOBBY, HERE, None, 7) == entries[:0:-1]

    def test_the_head_and_the_keys_are_no_entries(self, log: MessageLog) -> None:
        assert log.commit(message(1), EMPTY, "key", NOW) == Committed()
        assert log.before(LOBBY, HERE, None, 9) == [message(1)]
        assert log.after(LOBBY, HERE, MessageId(""), 9) == [message(1)]


class TestCursors:
    def test_goes_forward_only(self, stores: Stores) -> None:
        cursors = stores.cursors
        assert cursors.get(LOBBY, HERE) == Cursor()
        cursors.advance(message(3), 0)
        assert cursors.get(LOBBY, HERE) == Cursor(3, message(3).message_id, 0)
        cursors.advance(message(2), NOW)
        assert cursors.get(LOBBY, HERE) == Cursor(3, message(3).message_id, 0)
        cursors.advance(message(4), NOW)
        assert cursors.get(LOBBY, HERE) == Cursor(4, message(4).message_id, NOW)

    def test_streams_are_apart(self, stores: Stores) -> None:
        stores.cursors.advance(message(3), 0)
        stores.cursors.fall_behind(LOBBY, HERE, {PHONE: 3})
        assert stores.cursors.get(LOBBY, THERE) == Cursor()
        assert stores.cursors.get(OTHER, HERE) == Cursor()

    def test_of_racers_the_furthest_stays(self, stores: Stores) -> None:
        at_once(RACERS, lambda n: stores.cursors.advance(message(1 + n * 7 % RACERS), 0))
        assert stores.cursors.get(LOBBY, HERE).seq == RACERS

    def test_who_is_behind_is_kept_beside_it(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.fall_behind(LOBBY, HERE, {PHONE: 1, LAPTOP: 1})
        assert cursors.get(LOBBY, HERE) == Cursor(behind={PHONE: 1, LAPTOP: 1})
        cursors.advance(message(1), 0)
        cursors.fall_behind(LOBBY, HERE, {PHONE: 2})
        cursors.advance(message(2), 0)
        assert cursors.get(LOBBY, HERE) == Cursor(
            2, message(2).message_id, 0, {PHONE: 2, LAPTOP: 1}
        )

    def test_who_has_caught_up_is_forgotten_unless_more_was_queued(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.catch_up(LOBBY, HERE, PHONE, 1)
        assert cursors.get(LOBBY, HERE) == Cursor()
        cursors.fall_behind(LOBBY, HERE, {PHONE: 2, LAPTOP: 1})
        cursors.catch_up(LOBBY, HERE, PHONE, 1)
        assert cursors.get(LOBBY, HERE).behind == {PHONE: 2, LAPTOP: 1}
        cursors.catch_up(LOBBY, HERE, PHONE, 2)
        cursors.catch_up(LOBBY, HERE, PHONE, 2)
        assert cursors.get(LOBBY, HERE).behind == {LAPTOP: 1}

    def test_of_many_behind_at_once_none_is_lost(self, stores: Stores) -> None:
        def one(number: int) -> None:
            mine = {ConnectionId(f"{number}-{each}="): number for each in range(45)}
            stores.cursors.fall_behind(LOBBY, HERE, mine)
            stores.cursors.catch_up(LOBBY, HERE, ConnectionId(f"{number}-0="), number)

        at_once(RACERS, one)
        assert len(stores.cursors.get(LOBBY, HERE).behind) == RACERS * 44

    def test_more_at_once_than_an_expression_holds(self, stores: Stores) -> None:
        many = {ConnectionId(f"{each:040}"): 7 for each in range(450)}
        stores.cursors.fall_behind(LOBBY, HERE, many)
        assert stores.cursors.get(LOBBY, HERE).behind == many


def room(room_id: RoomId = LOBBY, **more: Any) -> Room:
    return Room(room_id, RoomType.GROUP_CHAT, ANNA, NOW, **more)


def member(user_id: str, room_id: RoomId = LOBBY, role: Role = Role.MEMBER) -> Member:
    return Member(room_id, UserId(user_id), role, NOW)


class TestRooms:
    def test_create(self, rooms: RoomStore) -> None:
        lobby = room(metadata={"name": "Lobby", "ratio": 1.5, "tags": ["a", None]})
        owner = member(ANNA, role=Role.OWNER)
        assert rooms.create(lobby, [owner, member(BEN)])
        assert rooms.get(LOBBY) == lobby
        assert rooms.members(LOBBY) == [owner, member(BEN)]
        assert rooms.member(LOBBY, ANNA) == owner

    def test_a_taken_id_writes_nothing(self, rooms: RoomStore) -> None:
        assert rooms.create(room(), [member(ANNA)])
        assert not rooms.create(room(metadata={"other": 1}), [member(BEN)])
        assert rooms.get(LOBBY) == room()
        assert rooms.members(LOBBY) == [member(ANNA)]

    def test_someone_named_twice_is_one_member(self, rooms: RoomStore) -> None:
        assert rooms.create(room(), [member(ANNA), member(ANNA, role=Role.OWNER)])
        assert rooms.members(LOBBY) == [member(ANNA, role=Role.OWNER)]

    def test_more_members_than_a_transaction_takes(self, rooms: RoomStore) -> None:
        everyone = [member(f"u{n:04d}") for n in range(250)]
        assert rooms.create(room(), everyone[::-1])
        assert rooms.members(LOBBY) == everyone

    def test_of_racing_creators_one_wins(self, rooms: RoomStore) -> None:
        won = at_once(RACERS, lambda n: rooms.create(room(), [member(f"u{n:02d}")]))
        assert won.count(True) == 1
        assert rooms.members(LOBBY) == [member(f"u{won.index(True):02d}")]

    def test_the_unknown(self, rooms: RoomStore) -> None:
        assert rooms.get(LOBBY) is None
        assert rooms.member(LOBBY, ANNA) is None
        assert rooms.members(LOBBY) == []
        assert rooms.rooms_of(ANNA) == []
        assert rooms.get_many([]) == []

    def test_get_many_answers_the_known_in_order(self, rooms: RoomStore) -> None:
        names = [RoomId(f"r{n:03d}") for n in range(130)]
        for name in names[::20]:
            rooms.create(room(name), [member(ANNA, name)])
        assert [found.room_id for found in rooms.get_many(names[::-1])] == names[::20][::-1]

    def test_rooms_of(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA), member(BEN)])
        rooms.create(room(OTHER), [member(ANNA, OTHER)])
        assert sorted(rooms.rooms_of(ANNA)) == [LOBBY, OTHER]
        assert rooms.rooms_of(BEN) == [LOBBY]

    def test_add_member(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA)])
        ben = member(BEN)
        assert rooms.add_member(ben)
        assert not rooms.add_member(ben)
        assert not rooms.add_member(member(BEN, role=Role.ADMIN))
        assert rooms.member(LOBBY, BEN) == ben

    def test_remove_member(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA), member(BEN)])
        assert rooms.remove_member(LOBBY, BEN)
        assert not rooms.remove_member(LOBBY, BEN)
        assert rooms.member(LOBBY, BEN) is None
        assert rooms.rooms_of(BEN) == []

    def test_racers_add_and_remove_once(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA)])
        assert at_once(RACERS, lambda n: rooms.add_member(member(BEN))).count(True) == 1
        assert at_once(RACERS, lambda n: rooms.remove_member(LOBBY, BEN)).count(True) == 1


def connection(name: str = "c1=", user: UserId = ANNA, **more: Any) -> Connection:
    target = Target(ConnectionId(name), user, "api", "prod", HERE, "json", NOW)
    fields: dict[str, Any] = {
        "device_info": {"platform": "ios", "version": "", "ip": "::1"},
        "connected_at_ms": NOW,
        "last_ping_ms": NOW,
        "expires_at_s": NOW // 1000 + 3600,
    }
    return Connection(target, **{**fields, **more})


C1 = ConnectionId("c1=")


class TestFriends:
    def test_an_item_is_one_s_own_wish(self, stores: Stores) -> None:
        friends = stores.friends
        friends.put(ANNA, BEN, 1)
        assert friends.put_by(ANNA) == {BEN: 1}
        assert friends.put_by(BEN) == friends.put_for(ANNA) == {}
        assert friends.put_for(BEN) == {ANNA: 1}
        assert friends.mutual(ANNA, [BEN]) == {}
        friends.put(BEN, ANNA, 2)
        assert friends.mutual(ANNA, [BEN, BEN, ANNA]) == {BEN: 2}
        friends.remove(ANNA, BEN)
        friends.remove(ANNA, BEN)
        assert friends.put_by(ANNA) == {}
        assert friends.put_by(BEN) == {ANNA: 2}

    def test_more_than_one_call_takes(self, stores: Stores) -> None:
        others = [UserId(f"u{n:04d}") for n in range(130)]
        for number, other in enumerate(others):
            stores.friends.put(other, ANNA, number)
        assert stores.friends.mutual(ANNA, others) == dict(zip(others, range(130), strict=True))
        assert len(stores.friends.put_for(ANNA)) == 130


def test_a_revocation_only_grows(stores: Stores) -> None:
    assert stores.revocations.until_ms(ANNA) == 0
    for until_ms in (NOW, NOW + 9, NOW + 5):
        stores.revocations.put(ANNA, until_ms)
    assert stores.revocations.until_ms(ANNA) == NOW + 9
    assert stores.revocations.until_ms(BEN) == 0


class TestConnections:
    def test_put_and_get(self, connections: ConnectionStore) -> None:
        one = connection(roles=("service", "admin"), rooms=(LOBBY, OTHER))
        connections.put(one)
        assert connections.get(C1) == one
        assert connections.get(ConnectionId("c2=")) is None

    def test_disconnect(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        connections.join(LOBBY, connection().target)
        assert connections.disconnect(C1, NOW) == connection(rooms=(LOBBY,))
        assert connections.disconnect(C1, NOW) is None
        assert connections.get(C1) is None
        assert connections.of_user(ANNA) == []
        assert list(connections.scan()) == []

    def test_disconnect_of_the_unknown_creates_nothing(self, connections: ConnectionStore) -> None:
        assert connections.disconnect(C1, NOW) is None
        assert connections.get(C1) is None

    def test_of_racing_disconnects_one_wins(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        results = at_once(RACERS, lambda n: connections.disconnect(C1, NOW))
        assert [result for result in results if result is not None] == [connection()]

    def test_touch(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        connections.touch(C1, NOW + 5)
        assert connections.get(C1) == connection(last_ping_ms=NOW + 5)

    def test_renew(self, connections: ConnectionStore) -> None:
        connections.put(connection(roles=("admin",)))
        assert connections.renew(C1, 99, ("service",))
        assert connections.get(C1) == connection(expires_at_s=99, roles=("service",))
        assert connections.renew(C1, 98, ())
        assert connections.get(C1) == connection(expires_at_s=98)
        connections.disconnect(C1, NOW)
        assert not connections.renew(C1, 97, ())
        assert connections.get(C1) is None
        assert not connections.renew(ConnectionId("never="), 97, ())

    def test_touch_never_creates_nor_revives(self, connections: ConnectionStore) -> None:
        connections.touch(C1, NOW)
        assert connections.get(C1) is None
        connections.put(connection())
        connections.disconnect(C1, NOW)
        connections.touch(C1, NOW + 5)
        assert connections.get(C1) is None

    def test_of_user_and_scan(self, connections: ConnectionStore) -> None:
        anna = [connection("a1="), connection("a2=")]
        ben = connection("b1=", BEN)
        for each in (*anna, ben, connection("a3=")):
            connections.put(each)
        connections.disconnect(ConnectionId("a3="), NOW)
        assert connections.of_user(ANNA) == anna
        assert connections.of_user(BEN) == [ben]
        found = sorted(connections.scan(), key=lambda c: c.connection_id)
        assert found == [*anna, ben]

    def test_scan_goes_on_beyond_a_megabyte(self, connections: ConnectionStore) -> None:
        for number in range(6):
            agent = {"user_agent": "x" * 300_000}
            connections.put(connection(f"c{number}=", device_info=agent))
        assert len(list(connections.scan())) == 6

    def test_join_and_leave(self, connections: ConnectionStore) -> None:
        one, two = connection("a1="), connection("b1=", BEN)
        for each in (one, two):
            connections.put(each)
            connections.join(LOBBY, each.target)
            connections.join(LOBBY, each.target)
        connections.join(OTHER, one.target)
        assert connections.joined(LOBBY) == [one.target, two.target]
        joined = connections.get(one.connection_id)
        assert joined == replace(one, rooms=(LOBBY, OTHER))
        connections.leave(LOBBY, one.target)
        connections.leave(LOBBY, one.target)
        assert connections.joined(LOBBY) == [two.target]
        assert connections.joined(OTHER) == [one.target]
        assert connections.get(one.connection_id) == replace(one, rooms=(OTHER,))

    def test_join_of_one_that_is_gone_does_nothing(self, connections: ConnectionStore) -> None:
        connections.join(LOBBY, connection().target)
        connections.put(connection("c2="))
        connections.disconnect(ConnectionId("c2="), NOW)
        connections.join(LOBBY, connection("c2=").target)
        assert connections.joined(LOBBY) == []
        assert connections.get(C1) is None

    def test_leave_after_the_end_cleans_the_index(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        connections.join(LOBBY, connection().target)
        connections.disconnect(C1, NOW)
        connections.leave(LOBBY, connection().target)
        assert connections.joined(LOBBY) == []
        assert connections.get(C1) is None


def refuse(*codes: str, items: dict[int, Any] | None = None) -> Callable[..., Any]:
    """Cancel a transaction for these reasons."""

    def act(real: Any, **arguments: Any) -> Any:
        reasons = [
            {"Code": code, **({"Item": items[n]} if items and n in items else {})}
            for n, code in enumerate(codes)
        ]
        known = real.__self__.exceptions.TransactionCanceledException
        raise known(
            {
                "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
                "CancellationReasons": reasons,
            },
            "TransactWriteItems",
        )

    return act


def fail(code: str, status: int = 400) -> Callable[..., Any]:
    def act(real: Any, **arguments: Any) -> Any:
        meta = {"HTTPStatusCode": status}
        raise ClientError({"Error": {"Code": code, "Message": ""}, "ResponseMetadata": meta}, "Any")

    return act


class TestPresence:
    def test_changes_follow_one_another(self, stores: Stores) -> None:
        store = stores.presence
        assert store.get(ANNA, HERE) == Presence(ANNA, HERE)
        first = Presence(ANNA, HERE, Status.ONLINE, since_ms=NOW, last_seen_ms=5, version=1)
        assert store.change(first, reset=False)
        assert not store.change(replace(first, status=Status.AWAY), reset=False)
        assert store.get(ANNA, HERE) == first
        second = replace(first, status=Status.OFFLINE, since_ms=NOW + 1, version=2)
        assert store.change(second, reset=True)
        assert not store.change(replace(second, version=4), reset=False)
        assert store.get(ANNA, HERE) == second
        assert store.get(ANNA, THERE) == Presence(ANNA, THERE)

    def test_one_of_many_changes_wins(self, stores: Stores) -> None:
        first = Presence(ANNA, HERE, Status.ONLINE, version=1)
        assert sum(at_once(RACERS, lambda n: stores.presence.change(first, reset=False))) == 1

    def test_what_was_announced_and_chosen_stands_apart(self, stores: Stores) -> None:
        store = stores.presence
        store.choose(ANNA, HERE, Status.AWAY)
        assert store.get(ANNA, HERE).chosen is Status.AWAY
        away = Presence(ANNA, HERE, Status.AWAY, chosen=Status.AWAY, version=1)
        assert store.change(away, reset=False)
        store.announced(away)
        assert store.get(ANNA, HERE) == replace(away, announced=Status.AWAY)

    def test_a_reset_spares_a_newer_choice(self, stores: Stores) -> None:
        store = stores.presence
        store.choose(ANNA, HERE, Status.AWAY)
        unseen = Presence(ANNA, HERE, Status.OFFLINE, version=1)
        assert not store.change(unseen, reset=True)
        seen = replace(unseen, chosen=Status.AWAY)
        store.choose(ANNA, HERE, Status.ONLINE)
        assert not store.change(seen, reset=True)
        assert store.change(replace(unseen, chosen=Status.ONLINE), reset=True)
        assert store.get(ANNA, HERE).chosen is None

    def test_many(self, stores: Stores) -> None:
        store = stores.presence
        users = [UserId(f"u{n:03d}") for n in range(130)]
        for user in users[:120]:
            assert store.change(Presence(user, HERE, Status.ONLINE, version=1), reset=False)
        assert store.change(Presence(users[0], THERE, version=1), reset=False)
        found = store.get_many([*users, users[0]], [HERE, THERE])
        assert {(each.user_id, each.region) for each in found} == {
            *((user, HERE) for user in users[:120]),
            (users[0], THERE),
        }


class TestMarkers:
    def test_they_only_move_forward(self, stores: Stores) -> None:
        markers = stores.markers
        first, second = Marker(ANNA, mid(5), NOW), Marker(ANNA, mid(7), NOW + 1)
        assert markers.move(LOBBY, HERE, first) is None
        assert markers.move(LOBBY, HERE, second) == first
        assert markers.move(LOBBY, HERE, replace(first, read_ms=NOW + 2)) == second
        assert markers.move(LOBBY, HERE, replace(second, read_ms=NOW + 3)) == second
        assert markers.of_user(ANNA, [LOBBY, OTHER], [HERE]) == {LOBBY: second}
        assert markers.of_user(BEN, [LOBBY], [HERE]) == {}

    def test_many_at_once_end_at_the_furthest(self, stores: Stores) -> None:
        moves = at_once(
            RACERS, lambda n: stores.markers.move(LOBBY, HERE, Marker(ANNA, mid(n), NOW))
        )
        assert len(moves) == RACERS
        found = stores.markers.of_user(ANNA, [LOBBY], [HERE])[LOBBY]
        assert found.message_id == mid(RACERS - 1)

    def test_regions_each_write_their_own_and_the_furthest_holds(self, stores: Stores) -> None:
        markers = stores.markers
        near, far = Marker(ANNA, mid(9), NOW), Marker(ANNA, mid(4), NOW + 1)
        assert markers.move(LOBBY, HERE, near) is None
        assert markers.move(LOBBY, THERE, far) is None
        ben = Marker(BEN, mid(4), NOW)
        markers.move(LOBBY, HERE, ben)
        markers.move(OTHER, HERE, Marker(BEN, mid(99), NOW))
        assert markers.of_user(ANNA, [LOBBY], [HERE, THERE]) == {LOBBY: near}
        assert sorted(markers.of_room(LOBBY, 10), key=lambda m: m.user_id) == [near, ben]
        assert len(markers.of_room(LOBBY, 1)) == 1
        counts = [markers.count(LOBBY, mid(n)) for n in (4, 5, 9, 10)]
        assert counts == [2, 1, 1, 0]


class TestDevices:
    def test_counted_and_the_last_end_dated(self, connections: ConnectionStore) -> None:
        assert connections.devices(ANNA) == Devices(0, None)
        connections.put(connection("c1="))
        connections.put(connection("c2="))
        connections.put(connection("c3=", BEN))
        assert connections.devices(ANNA) == Devices(2, None)
        connections.disconnect(ConnectionId("c1="), NOW + 7)
        assert connections.devices(ANNA) == Devices(1, NOW + 7)
        connections.disconnect(ConnectionId("c2="), NOW + 9)
        assert connections.devices(ANNA) == Devices(0, NOW + 9)


class TestOnDynamoDB:
    """What AWS does and no twin can: budgets, conflicts, throttling, leftovers, silence."""

    def test_a_commit_is_one_call_refused_or_not(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        log = distorted.log
        log.commit(message(1), EMPTY, "key", NOW)
        assert isinstance(log.commit(message(1, 99), EMPTY, None, NOW), Taken)
        assert isinstance(log.commit(message(2), Head(1, None), "key", NOW), Duplicate)
        assert dynamodb.operations() == ["transact_write_items"] * 3

    def test_refusals_without_their_items_are_read(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        log = distorted.log
        log.commit(message(1), EMPTY, "key", NOW)
        failed = "ConditionalCheckFailed"
        dynamodb.answer("transact_write_items", refuse(failed, failed, failed))
        assert isinstance(log.commit(message(1, 99), EMPTY, "key", NOW), Duplicate)
        dynamodb.answer("transact_write_items", refuse(failed, "None"))
        assert log.commit(message(1, 99), EMPTY, None, NOW) == Taken(Head(1, mid(10)))

    def test_a_conflict_is_taken_with_the_true_head(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        write(distorted.log, message(1))
        dynamodb.answer("transact_write_items", refuse("TransactionConflict", "None"))
        assert distorted.log.commit(message(2), Head(1, None), None, NOW) == Taken(Head(1, mid(10)))

    def test_a_conflict_on_the_key_finds_what_won(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        distorted.log.commit(message(1), EMPTY, "key", NOW)
        dynamodb.answer("transact_write_items", refuse("None", "None", "TransactionConflict"))
        result = distorted.log.commit(message(2), Head(1, None), "key", NOW)
        assert isinstance(result, Duplicate)

    @pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
    def test_a_throttled_transaction_is_unavailable(
        self, distorted: Stores, dynamodb: Distorted, code: str
    ) -> None:
        dynamodb.answer("transact_write_items", refuse(code, "None"), refuse("None", code))
        with pytest.raises(Unavailable):
            distorted.log.commit(message(1), EMPTY, None, NOW)
        with pytest.raises(Unavailable):
            distorted.rooms.create(room(), [member(ANNA)])

    def test_an_invalid_transaction_is_a_fault_not_a_refusal(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        dynamodb.answer("transact_write_items", *[refuse("ValidationError", "None")] * 2)
        with pytest.raises(ClientError):
            distorted.log.commit(message(1), EMPTY, None, NOW)
        with pytest.raises(ClientError):
            distorted.rooms.create(room(), [member(ANNA)])

    def test_a_conflict_does_not_mean_that_a_room_is_taken(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        dynamodb.answer("transact_write_items", refuse("TransactionConflict", "None"))
        assert distorted.rooms.create(room(), [member(ANNA)])
        dynamodb.answer("transact_write_items", *[refuse("TransactionConflict", "None")] * 3)
        with pytest.raises(Unavailable):
            distorted.rooms.create(room(OTHER), [member(ANNA, OTHER)])

    def test_an_outcome_unknown_is_resolved_by_a_resend(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def lost(real: Any, **arguments: Any) -> Any:
            real(**arguments)
            return fail("InternalServerError", 500)(real)

        dynamodb.answer("transact_write_items", lost)
        with pytest.raises(Unavailable):
            distorted.log.commit(message(1), EMPTY, "key", NOW)
        result = distorted.log.commit(message(1, 99), EMPTY, "key", NOW)
        assert result == Duplicate(mid(10), HERE, 1, NOW + 1)

    def test_unprocessed_keys_are_asked_for_again(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        write(distorted.log, message(1), message(1, room_id=OTHER))

        def half(real: Any, RequestItems: dict[str, Any]) -> Any:
            [(table, wanted)] = RequestItems.items()
            now, later = wanted["Keys"][:1], wanted["Keys"][1:]
            answer = real(RequestItems={table: {**wanted, "Keys": now}})
            return {**answer, "UnprocessedKeys": {table: {**wanted, "Keys": later}}}

        dynamodb.answer("batch_get_item", half)
        streams = [(LOBBY, HERE), (OTHER, HERE)]
        assert set(distorted.log.heads(streams).values()) == {Head(1, mid(10))}

    def test_unprocessed_forever_is_unavailable(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def none(real: Any, RequestItems: dict[str, Any]) -> Any:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

        dynamodb.answer("batch_get_item", *[none] * 50)
        with pytest.raises(Unavailable):
            distorted.log.heads([(LOBBY, HERE)])

    def test_unprocessed_members_are_put_again(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def none(real: Any, RequestItems: dict[str, Any]) -> Any:
            return {"UnprocessedItems": RequestItems}

        dynamodb.answer("batch_write_item", none, none)
        everyone = [member(f"u{n:04d}") for n in range(130)]
        assert distorted.rooms.create(room(), everyone)
        assert distorted.rooms.members(LOBBY) == everyone

    def test_a_large_room_that_was_not_completed_is_not_there(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def broken(real: Any, **arguments: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="http://x")

        first = [member(ANNA, role=Role.OWNER), *(member(f"u{n:04d}") for n in range(130))]
        second = [member(ANNA, role=Role.OWNER), *(member(f"v{n:04d}") for n in range(130))]
        dynamodb.answer("batch_write_item", broken)
        with pytest.raises(Unavailable):
            distorted.rooms.create(room(), first)
        assert distorted.rooms.get(LOBBY) is None
        assert distorted.rooms.get_many([LOBBY]) == []
        assert not distorted.rooms.create(replace(room(), created_by=BEN), [member(BEN)])
        assert not distorted.rooms.create(replace(room(), created_by=BEN), second)
        assert distorted.rooms.create(room(), second)
        assert distorted.rooms.get(LOBBY) == room()
        assert distorted.rooms.members(LOBBY) == sorted(second, key=lambda each: each.user_id)
        assert not distorted.rooms.create(room(), first)

    def test_reads_that_promise_it_are_consistent(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        distorted.log.after(LOBBY, HERE, MessageId(""), 1)
        distorted.log.before(LOBBY, HERE, None, 1)
        distorted.log.heads([(LOBBY, HERE)])
        distorted.rooms.member(LOBBY, ANNA)
        distorted.rooms.members(LOBBY)
        for operation, arguments in dynamodb.calls:
            if operation == "batch_get_item":
                [arguments] = arguments["RequestItems"].values()
            assert arguments["ConsistentRead"] is True, operation

    def test_items_expire(self, distorted: Stores, ministack: Ministack) -> None:
        def ttl(table: str, **key: str) -> int:
            answer = ministack.client("dynamodb").get_item(
                TableName=f"{ministack.prefix}-{table}",
                Key={name: {"S": value} for name, value in key.items()},
            )
            return int(answer["Item"]["ttl"]["N"])

        now_s = NOW // 1000
        distorted.log.commit(message(1), EMPTY, "key", NOW)
        assert ttl("messages", stream=f"{LOBBY}#dedupe", entry="key") == now_s + 25 * 3600
        distorted.connections.put(connection())
        distorted.connections.join(LOBBY, connection().target)
        assert ttl("connections", connection_id=C1) == now_s + 3 * 3600
        entry = f"{ANNA}#{C1}"
        assert ttl("room_connections", room_id=LOBBY, entry=entry) == now_s + 3 * 3600
        distorted.connections.disconnect(C1, NOW)
        assert ttl("connections", connection_id=C1) == now_s + 3600

    def test_no_late_write_leaves_a_ghost(self, distorted: Stores, ministack: Ministack) -> None:
        distorted.connections.touch(C1, NOW)
        distorted.connections.join(LOBBY, connection().target)
        distorted.connections.leave(LOBBY, connection().target)
        distorted.connections.disconnect(C1, NOW)
        for table in ("connections", "room_connections"):
            name = f"{ministack.prefix}-{table}"
            assert ministack.client("dynamodb").scan(TableName=name)["Items"] == []

    def test_a_store_that_is_not_there_is_unavailable(self, ministack: Ministack) -> None:
        nowhere = client("dynamodb", REGION, f"http://127.0.0.1:{free_port()}")
        stores = _on_dynamodb(nowhere, ministack.prefix)
        with pytest.raises(Unavailable):
            stores.log.commit(message(1), EMPTY, None, NOW)
        with pytest.raises(Unavailable):
            stores.connections.get(C1)

    @pytest.mark.parametrize(
        ("code", "status"),
        [("ThrottlingException", 400), ("TransactionConflictException", 400), ("Anything", 503)],
    )
    def test_faults_that_may_pass(self, code: str, status: int) -> None:
        with pytest.raises(Unavailable), unavailable("the store"):
            fail(code, status)(None)

    def test_faults_of_ours_are_not_dressed_up(
        self, distorted: Stores, ministack: Ministack
    ) -> None:
        with pytest.raises(ClientError), unavailable("the store"):
            fail("ValidationException")(None)
        missing = _on_dynamodb(ministack.client("dynamodb"), "no-such-prefix")
        with pytest.raises(ClientError):
            missing.connections.get(C1)

    def test_a_client_is_made_once(self, ministack: Ministack) -> None:
        made = at_once(RACERS, lambda n: ministack.client("dynamodb"))
        assert len(set(map(id, made))) == 1


class TestCheckpoints:
    SEEN: ClassVar = {(LOBBY, HERE): 7, (RoomId("a.b-c"), Region("eu-west-1")): 0}

    def test_one_is_kept_as_it_is(self, stores: Stores) -> None:
        one = Checkpoint("C1", "PID", "SID", UserId("u:1"), "sio+:/", self.SEEN)
        assert stores.checkpoints.get("C1") is None
        stores.checkpoints.put(one, NOW)
        assert stores.checkpoints.get("C1") == one

    def test_each_offset_is_used_once(self, stores: Stores) -> None:
        one = Checkpoint("C2", "PID", "SID", UserId("u"), "sio+:/", {})
        assert not stores.checkpoints.use("C2", "C2")
        stores.checkpoints.put(one, NOW)
        assert stores.checkpoints.use("C2", "C2")
        assert not stores.checkpoints.use("C2", "C2")
        assert stores.checkpoints.use("C2", "C2;one:us-east-1:5")
        assert stores.checkpoints.get("C2") == one
