"""What a Socket.IO handshake costs, counted on the twins; its times: `workbench.load.handshake`.

Counted is all that it sets off, in every function, until the queues are at rest: the answer of
CONNECT, and that the user is seen to be online. The user is in three rooms.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.composition import compose
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import polling
from tests.support.socketio import Client
from tests.support.world import World

REDIS = {"cache", "sessions", "trails"}
QUEUES = {"delivery", "outbound"}
SPARED = ("clock", "ids", "parallel", "peers", "metrics", "secrets", "cluster", "poster")
READS = {
    *("revocations.until_ms", "connections.get", "presence.get", "presence.get_many"),
    *("friends.put_by", "friends.put_for", "friends.mutual", "rooms.rooms_of", "rooms.members"),
    *("log.heads", "checkpoints.get"),
}
WRITES = {
    *("connections.put", "connections.disconnect", "connections.touch"),
    *("presence.change", "presence.announced", "checkpoints.put"),
}
Cost = Counter[str]


class Counted:
    """A port whose calls are counted as round trips, reads, writes, sends or posts."""

    def __init__(self, port: str, inner: Any, cost: Cost) -> None:
        self._port, self._inner, self._cost = port, inner, cost

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._inner, method)

        def call(*args: Any, **more: Any) -> Any:
            kind, count = self._kind(method, args)
            self._cost[kind] += count
            return target(*args, **more)

        return call if callable(target) else target

    def _kind(self, method: str, args: tuple[Any, ...]) -> tuple[str, int]:
        if self._port in REDIS:
            return "redis", 1
        if self._port in QUEUES:
            assert method == "send"
            return "sends", -(-len(args[0]) // 10)
        if self._port == "websockets":
            assert method == "post"
            return "posts", len(args[0])
        name = f"{self._port}.{method}"
        assert name in READS | WRITES, f"{name}: a read or a write?"
        return ("reads" if name in READS else "writes"), 1


def counting(world: World) -> Cost:
    """All that leaves the processes of this world, from now on."""
    cost: Cost = Counter()
    ports: dict[str, Any] = {
        each.name: Counted(each.name, getattr(world.adapters, each.name), cost)
        for each in fields(world.adapters)
        if each.name not in SPARED
    }
    poster = EnginePoster(Counted("websockets", world.poster, cost), ports["sessions"])
    world.services = compose(world.settings, replace(world.adapters, **ports, poster=poster))
    return cost


def websocket_first(world: World, connect: str) -> None:
    client = Client(world, "s1=")
    rest_(world)
    assert client.posted[0].startswith("0{")
    answer = client.say(connect)
    rest_(world)
    assert answer.startswith("40{") or any(each.startswith("40{") for each in client.posted)


def polling_first(world: World, connect: str) -> str:
    sid = str(json.loads(poll(world)[1:])["sid"])
    assert poll(world, sid, connect) == "ok"
    rest_(world)
    assert "40{" in poll(world, sid)
    return sid


def upgrade(world: World, sid: str) -> None:
    """From the CONNECT's answer over polling until the websocket has taken over."""
    client = Client(world, "w1=", sid=sid)
    assert client.say("2probe") == "3probe"
    assert poll(world, sid) == "6"
    assert client.say("5") == ""
    rest_(world)
    world.wait(12)  # the job that would finish it


def poll(world: World, sid: str = "", body: str = "") -> str:
    query = {"EIO": "4", "transport": "polling", **({"sid": sid} if sid else {})}
    method = "POST" if body else "GET"
    answer = polling.handle(world.services, rest.HttpRequest({}, query, {}, body), method)
    assert answer.status == 200, answer
    return answer.text


def rest_(world: World) -> None:
    world.pump(until_ms=world.clock.ms)


UPGRADE = {"redis": 19, "reads": 5, "writes": 2, "sends": 2}


@pytest.mark.parametrize(
    ("recovery", "costs"),
    [
        (
            False,
            [
                {"redis": 6, "reads": 4, "writes": 3, "sends": 3, "posts": 1},
                {"redis": 12, "reads": 4, "writes": 3, "sends": 2},
                UPGRADE,
            ],
        ),
        (
            True,
            [
                {"redis": 9, "reads": 8, "writes": 4, "sends": 4, "posts": 3},
                {"redis": 16, "reads": 8, "writes": 4, "sends": 3},
                UPGRADE,
            ],
        ),
    ],
    ids=["plain", "recovering"],
)
def test_websocket_first_polling_first_and_upgrade(
    recovery: bool, costs: list[dict[str, int]]
) -> None:
    found = []
    for first in (websocket_first, polling_first):
        world = World()
        for room in ("one", "two", "three"):
            world.room("alice", "bob", room_id=room)
        world.wait(60)
        payload = {"token": world.token("alice"), "recovery": recovery}
        cost = counting(world)
        sid = first(world, "40" + json.dumps(payload))
        found.append(dict(cost))
        if sid is not None:
            cost.clear()
            upgrade(world, sid)
            found.append(dict(cost))
    assert found == costs
