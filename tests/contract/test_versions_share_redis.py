"""Redis holds what the next version wrote: fields that this one does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.sessions import RedisSessions
from chalicelib.adapters.redis.trails import RedisTrails
from chalicelib.kernel.ids import user_bucket
from chalicelib.kernel.records import target_to_json
from chalicelib.model.connections import POLLING, Connection, Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from chalicelib.model.sessions import EngineSession, Trail
from tests.support.cache import fill_joined, online, warm
from tests.support.valkey import valkey
from tests.support.world import CountingIds

ROOM, ALICE, REGION = RoomId("lobby"), UserId("alice"), Region("us-east-1")
TARGET = Target(ConnectionId("c="), ALICE, "api", "prod", REGION, "json", 1, "sid")
LATER = json.dumps([*target_to_json(TARGET), {"added": "later"}])
ENTRY = Entry(ROOM, REGION, 1, MessageId("01"), EntryKind.MESSAGE, ALICE, 5, content="hi")
KNOWN = Connection(TARGET, {}, 1, 2, 3)


@pytest.fixture(scope="module")
def client() -> Iterator[RedisClient]:
    with valkey() as server:
        yield RedisClient(server.url, False)


@pytest.fixture
def cache(client: RedisClient) -> RedisCache:
    client.run(("FLUSHALL",))
    return RedisCache(client, CountingIds())


def test_of_those_online_and_those_in_a_room(client: RedisClient, cache: RedisCache) -> None:
    warm(cache)
    cache.register(KNOWN)
    devices = json.dumps({"c=": LATER})
    client.run(("HSET", f"online:{{{user_bucket(ALICE)}}}", "alice", devices))
    assert online(cache, [ALICE]) == {ALICE: [TARGET]}
    fill_joined(cache, ROOM, [TARGET])
    client.run(("HSET", "room:{lobby}:joined", "alice", json.dumps({"c=": LATER})))
    assert cache.joined(ROOM).targets == (TARGET,)


def test_of_a_connection(client: RedisClient, cache: RedisCache) -> None:
    cache.register(KNOWN)
    client.run(("HSET", "connection:c=", "target", LATER, "added", "x"))
    assert cache.frame(ConnectionId("c="), None, None).connection == KNOWN


def test_of_recent_messages(client: RedisClient, cache: RedisCache) -> None:
    later = f"01|{json.dumps({**asdict(ENTRY), 'edited': True})}"
    client.run(("ZADD", "conversation:lobby:recent", 0, later))
    assert cache.recent([ROOM]) == {ROOM: [ENTRY]}


def test_of_a_session(client: RedisClient, cache: RedisCache) -> None:
    sessions = RedisSessions(client)
    polls = replace(TARGET, api_id=POLLING)
    session = EngineSession(polls, {}, pong_ms=1)
    sessions.open(session)
    longer = json.dumps([*target_to_json(polls), "later"])
    client.run(("HSET", "engine:{c=}", "target", longer, "added", "x"))
    assert sessions.get(polls.connection_id) == session
    websocket = replace(TARGET, connection_id=ConnectionId("w="))
    client.run(("HSET", "engine:{c=}", "to", json.dumps([*target_to_json(websocket), "later"])))
    assert sessions.drain(polls.connection_id, websocket, "m", 0) == session, "the same websocket"
    assert sessions.queued(polls.connection_id, "m", 0, 0) == []
    assert sessions.push(polls.connection_id, ["4x"]) == websocket


def test_of_a_trail(client: RedisClient, cache: RedisCache) -> None:
    trails = RedisTrails(client)
    trails.start("sid", Trail(TARGET, "pid", "cp"), {(ROOM, REGION): 4})
    client.run(("HSET", "trail:{sid}", "target", LATER, "added", "x"))
    [trail] = trails.begin(["sid"], (ROOM, REGION), 4, 5, "mark")
    assert trail is not None
    assert (trail.target, trail.seq) == (TARGET, 4)
