"""Keys that are built from ids do not collide, whatever the ids are.

Each space of keys has its builders. Ids are drawn from all that their patterns allow, with a
preference for the separators and words that keys are made of. Two different inputs, also of two
builders of one space, must give two different keys.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chalicelib.adapters.dynamodb import keys as items
from chalicelib.adapters.redis import keys, trails
from chalicelib.contract import commands, positions
from chalicelib.jobs.delivery import (
    DeliverDirect,
    DeliverEntry,
    DeliverPart,
    DeliverToRecovering,
    SetAside,
)
from chalicelib.kernel import ids
from chalicelib.kernel.names import is_user
from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind, Head
from chalicelib.model.sessions import Trail
from chalicelib.social import receipts
from chalicelib.wire import offsets

WORDS = (
    *("deletion", "dedupe", "head", "entry", "rest", "set_aside", "c", "r", "u", "e", "m", "s"),
    *("counts", "delivered", "version", "members", "ticket", "joined", "recent", "furthest"),
    *("us-east-1", "eu-west-1", "0", "1", "12"),
)
SEPARATORS = "#|:~;,/.-_=+@"


def allowed(fits: Callable[[str], bool], longest: int) -> st.SearchStrategy[str]:
    """Texts that fit, built of words and separators."""
    parts = st.lists(st.sampled_from([*WORDS, *SEPARATORS]), min_size=1, max_size=5)
    texts = st.one_of(st.sampled_from(WORDS), parts.map(lambda each: "".join(each)[:longest]))
    return texts.filter(fits)


def valid(annotated: Any) -> Callable[[str], bool]:
    adapter = TypeAdapter(annotated)

    def fits(text: str) -> bool:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return False
        return True

    return fits


ROOMS = allowed(valid(commands.RoomIdText), 64).map(RoomId)
USERS = allowed(is_user, 128).map(UserId)
# Few, so that the same one is often drawn twice.
MESSAGE_IDS = (
    st.one_of(st.integers(0, 3), st.integers(0, 2**128 - 1)).map(ids.encode).map(MessageId)
)
CLIENT_IDS = allowed(
    valid(commands.SendMessage.model_fields["client_message_id"].rebuild_annotation()), 128
)
REGIONS = st.sampled_from(["us-east-1", "us-east-2", "eu-west-1", "ap-southeast-1"]).map(Region)
SEQS = st.integers(1, 20)
# Tokens, and the connection ids of API Gateway: base64 of some ten bytes.
SERVER_MADE = st.one_of(
    st.integers(0, 2**128 - 1).map(ids.encode),
    st.binary(min_size=9, max_size=12).map(lambda raw: raw.hex()[:14] + "="),
)
CONNECTIONS = st.tuples(SERVER_MADE, st.sampled_from(["/", "/moments", "/notifications"])).map(
    lambda each: ids.socket_id(ConnectionId(each[0]), each[1])
)


def entry_of(room_id: RoomId, region: Region, seq: int) -> Entry:
    """An entry; its message id is as unique as the entry is."""
    digest = hashlib.sha256(f"{room_id} {region} {seq}".encode()).digest()
    message_id = MessageId(ids.encode(int.from_bytes(digest[:16], "big")))
    kind, sender = EntryKind.MESSAGE, UserId("alice")
    return Entry(room_id, region, seq, message_id, kind, sender, 0)


def target_of(connection_id: ConnectionId) -> Target:
    return Target(connection_id, UserId("u"), "api", "prod", Region("here"), "json", 0)


def set_aside(room_id: RoomId, region: Region, seq: int, retries: int) -> str:
    entry = entry_of(room_id, region, seq)
    letter = SetAside(
        room_id=room_id,
        region=region,
        first_seq=seq,
        seq=seq,
        message_id=entry.message_id,
        reason="",
        attempts=1,
        at_ms=0,
        retries=retries,
    )
    return letter.dedupe


def part(room_id: RoomId, region: Region, seq: int, number: int, after: int | None) -> DeliverPart:
    return DeliverPart(entry=entry_of(room_id, region, seq), part=number, after=after)


def direct(room_id: RoomId, region: Region, seq: int, connection: ConnectionId) -> str:
    return DeliverDirect(entry=entry_of(room_id, region, seq), target=target_of(connection)).dedupe


def recovering(room_id: RoomId, region: Region, seq: int, sid: ConnectionId) -> str:
    target = replace(target_of(sid), sid=sid)
    return DeliverToRecovering(entry=entry_of(room_id, region, seq), target=target).dedupe


def offset(checkpoint: str, first: tuple[Any, ...], second: tuple[Any, ...]) -> str:
    target = target_of(ConnectionId("x"))
    room, region, seq = second
    return offsets.encode(Trail(target, "pid", checkpoint, since=(first,)), (room, region), seq)


Builder = tuple[Callable[..., str], tuple[st.SearchStrategy[Any], ...]]
ENTRY = (ROOMS, REGIONS, SEQS)
PARTS, RETRIES = st.integers(0, 40), st.integers(0, 9)
USER_BUCKETS = st.integers(0, ids.BUCKETS - 1)
SPACES: dict[str, list[Builder]] = {
    "dedupe items of a room": [
        (ids.deletion_dedupe, (MESSAGE_IDS,)),
        (ids.message_dedupe, (USERS, CLIENT_IDS)),
        (ids.message_dedupe, (USERS, CLIENT_IDS, REGIONS)),
    ],
    "partitions of the table messages": [
        (items.stream_key, (ROOMS, REGIONS)),
        (items.dedupe_key, (ROOMS,)),
        (items.copies_key, (ROOMS,)),
    ],
    "items of a stream": [(items.entry_key, (MESSAGE_IDS,)), (lambda: "head", ())],
    "items of the table reads": [
        (items.reader_key, (USERS, REGIONS)),
        (items.furthest_key, (REGIONS,)),
    ],
    "items about a user, shared and of regions": [
        (lambda user: ids.regional_key(user, None), (USERS,)),
        (ids.regional_key, (USERS, REGIONS)),
    ],
    "items of the table rooms": [(lambda room: str(room), (ROOMS,)), (items.claim_key, (ROOMS,))],
    "items of the table room_connections": [(items.joined_key, (USERS, CONNECTIONS))],
    "groups of delivery.fifo": [
        (lambda room: DeliverEntry(entry=entry_of(room, Region("g"), 1)).group, (ROOMS,)),
        (lambda room, number: part(room, Region("g"), 1, number, 0).group, (ROOMS, PARTS)),
        (ids.socket_group, (SERVER_MADE,)),
        (ids.user_group, (USERS,)),
    ],
    "deduplication ids of delivery.fifo": [
        (lambda *entry: DeliverEntry(entry=entry_of(*entry)).dedupe, ENTRY),
        (
            lambda *entry: DeliverEntry(entry=entry_of(*entry[:3]), after=entry[3]).dedupe,
            (*ENTRY, SEQS),
        ),
        (lambda *args: part(*args).dedupe, (*ENTRY, PARTS, PARTS)),
        (direct, (*ENTRY, CONNECTIONS)),
        (recovering, (*ENTRY, SERVER_MADE)),
        (set_aside, (*ENTRY, RETRIES)),
        (lambda token: token, (SERVER_MADE,)),
    ],
    "claims": [
        (receipts.delivered_claim, (MESSAGE_IDS, USERS)),
        (receipts.counts_claim, (ROOMS,)),
    ],
    "keys of Redis": [
        (keys.user_online, (USERS,)),
        (keys.connection, (CONNECTIONS,)),
        (keys.room_version, (ROOMS,)),
        (keys.room_members, (ROOMS,)),
        (keys.room_members_in, (USER_BUCKETS, SERVER_MADE, ROOMS)),
        *((build, (USER_BUCKETS,)) for build in (keys.online, keys.online_users)),
        (keys.online_warm, (USER_BUCKETS,)),
        (keys.stream_head, (ROOMS, REGIONS)),
        (keys.stream_lease, (ROOMS, REGIONS)),
        (keys.stream_line, (ROOMS, REGIONS)),
        (keys.stream_drafts, (ROOMS, REGIONS)),
        (keys.turn_answer, (ROOMS, SERVER_MADE)),
        (keys.room_rate, (ROOMS,)),
        (keys.room_share, (ROOMS, USERS)),
        (keys.room_left, (ROOMS,)),
        (keys.posts_of_room, (ROOMS,)),
        (keys.tally, (SERVER_MADE,)),
        (keys.room_joined, (ROOMS,)),
        (keys.conversation_recent, (ROOMS,)),
        (keys.typing, (ROOMS,)),
        (keys.ack, (st.integers(0, 2**48 - 1),)),
        (lambda message_id, user: keys.claim(receipts.delivered_claim(message_id, user)),
         (MESSAGE_IDS, USERS)),
        (lambda room: keys.claim(receipts.counts_claim(room)), (ROOMS,)),
        (keys.limits, (USERS,)),
        (keys.engine, (SERVER_MADE,)),
        (keys.engine_write_buffer, (SERVER_MADE,)),
        (keys.engine_bell, (SERVER_MADE,)),
        (keys.engine_farewell, (SERVER_MADE,)),
        (keys.engine_parts, (SERVER_MADE,)),
        (keys.trail, (SERVER_MADE,)),
        *((build, ()) for build in (keys.posts_budget, keys.posts_outcomes)),
        *((build, ()) for build in (keys.cluster_sync, keys.engine_polling)),
        *((build, ()) for build in (keys.stats_connections, keys.stats_traffic)),
    ],
    "fields of a trail": [
        (lambda *stream: trails._sent(stream), (ROOMS, REGIONS)),
        (lambda *stream: trails._mark(stream), (ROOMS, REGIONS)),
        *((lambda name=name: name, ()) for name in ("target", "pid", "checkpoint", "since")),
    ],
    "positions": [
        (lambda region, seq, of: positions.encode({region: Head(seq, of)}),
         (REGIONS, SEQS, MESSAGE_IDS)),
    ],
    "offsets": [
        (offset,
         (SERVER_MADE, st.tuples(st.just(RoomId("o")), REGIONS, SEQS), st.tuples(*ENTRY))),
    ],
    "connection ids": [
        (lambda transport, name: ids.socket_id(ConnectionId(transport), name),
         (SERVER_MADE, st.sampled_from(["/", "/moments", "/notifications"]))),
    ],
    "rooms that are named after users": [
        (lambda *users: ids.private_room_id(*users),
         (st.sampled_from(["a", "a:", "|a"]), st.sampled_from(["b", "b:b", "~b"]))),
        (ids.moments_room_id, (USERS,)),
        (ids.notifications_room_id, (USERS,)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("space", SPACES)
@given(data=st.data())
def test_different_inputs_give_different_keys(space: str, data: st.DataObject) -> None:
    """All combinations of a few drawn ids, the same ids for all builders of the space."""
    pools: dict[st.SearchStrategy[Any], list[Any]] = {}
    inputs: dict[str, tuple[int, tuple[Any, ...]]] = {}
    for number, (build, strategies) in enumerate(SPACES[space]):
        for each in strategies:
            if each not in pools:
                pools[each] = data.draw(st.lists(each, min_size=1, max_size=4, unique=True))
        chosen = [pools[each] + (pools.get(MESSAGE_IDS, []) if each is CLIENT_IDS else [])
                  for each in strategies]  # fmt: skip
        for given_ids in itertools.product(*chosen):
            made = (number, given_ids)
            assert inputs.setdefault(build(*given_ids), made) == made


@given(st.data())
def test_an_offset_is_read_as_it_was_written(data: st.DataObject) -> None:
    name, since = data.draw(SERVER_MADE), data.draw(st.lists(st.tuples(*ENTRY), max_size=3))
    room, region, seq = data.draw(st.tuples(*ENTRY))
    trail = Trail(target_of(ConnectionId("x")), "pid", name, since=tuple(since))
    streams = {(room, region): seq for room, region, seq in since}
    assert offsets.decode(offsets.encode(trail, (room, region), seq)) == (
        name,
        {**streams, (room, region): seq},
    )


@given(st.data())
def test_a_regional_key_is_read_as_it_was_written(data: st.DataObject) -> None:
    user, region = data.draw(USERS), data.draw(st.none() | REGIONS)
    assert ids.of_regional_key(ids.regional_key(user, region)) == (user, region)


@pytest.mark.parametrize("region", ["dedupe", "us#east", "us:east", "us,east", "", "us east"])
def test_a_region_s_name_has_no_separator(region: str) -> None:
    with pytest.raises(ValueError, match="AWS_REGION"):
        Settings.from_env({"AWS_REGION": region})
