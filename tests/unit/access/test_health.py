"""Health: what makes a region unfit for new clients, and how often it may be asked."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from chalicelib.access.health import KNOWN_MS
from chalicelib.composition import compose
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.settings import Settings, WebSocketApi
from tests.support.world import World

APIS = (WebSocketApi("a1", "ws-0"), WebSocketApi("b2", "ws-1"))
PORTS = {"dynamodb": "rooms", "sqs": "delivery", "secret": "secrets"}
ALL = ("dynamodb", "redis", "sqs", "secret", "connections")


class Away:
    """A port whose every call fails."""

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any) -> Any:
            raise Unavailable("away")

        return call


class Counted:
    def __init__(self, inner: Any) -> None:
        self.inner, self.calls = inner, 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        return getattr(self.inner, name)


def broken(system: str | None) -> World:
    world = World(websocket_apis=APIS)
    if system == "redis":
        world.cache.down = True
    elif system == "connections":
        world.probes.silent.add("ws-1")
    elif system is not None:
        adapters = dataclasses.replace(world.adapters, **{PORTS[system]: Away()})
        world.services = compose(world.settings, adapters)
    return world


@pytest.mark.parametrize(
    ("system", "status", "said"),
    [
        (None, 200, "ok"),
        ("redis", 200, "degraded"),
        ("dynamodb", 503, "unavailable"),
        ("sqs", 503, "unavailable"),
        ("secret", 503, "unavailable"),
        ("connections", 503, "unavailable"),
    ],
)
def test_health_calls_what_the_region_needs(system: str | None, status: int, said: str) -> None:
    answer = rest.health(broken(system).services)
    assert (answer.status, answer.body["status"]) == (status, said)
    assert answer.body["checks"] == {
        name: "unavailable" if name == system else "ok" for name in ALL
    }


@pytest.mark.parametrize("system", ALL)
def test_what_hangs_is_away(system: str) -> None:
    world = World(websocket_apis=APIS)
    world.probes.hanging.add(system)
    assert rest.health(world.services).status == (200 if system == "redis" else 503)


def test_every_shard_is_asked() -> None:
    world = World(websocket_apis=APIS)
    rest.health(world.services)
    assert world.probes.asked == ["a1/ws-0", "b2/ws-1"]


def test_without_their_names_no_api_is_asked() -> None:
    world = World()
    assert "connections" not in rest.health(world.services).body["checks"]
    assert world.probes.asked == []


def test_who_asks_often_causes_no_calls() -> None:
    world = World()
    rooms = Counted(world.adapters.rooms)
    world.services = compose(world.settings, dataclasses.replace(world.adapters, rooms=rooms))
    for _ in range(100):
        assert rest.health(world.services).status == 200
    assert rooms.calls == 1
    world.probes.hanging.add("dynamodb")
    world.clock.ms += KNOWN_MS - 1
    assert rest.health(world.services).status == 200
    world.clock.ms += 1
    assert rest.health(world.services).status == 503


def test_apis_come_from_the_environment() -> None:
    read = Settings.from_env({"TIDINGS_WEBSOCKET_APIS": "a1/ws-0, b2/ws-1"})
    assert read.websocket_apis == APIS
    for bad in ("a1", "/prod", "a1/"):
        with pytest.raises(ValueError, match="TIDINGS_WEBSOCKET_APIS"):
            Settings.from_env({"TIDINGS_WEBSOCKET_APIS": bad})


@pytest.mark.parametrize(("system", "status"), [(None, 200), ("dynamodb", 503)])
def test_no_cache_may_keep_the_answer(system: str | None, status: int) -> None:
    answer = rest.health(broken(system).services)
    assert answer.status == status
    assert answer.headers == {"Cache-Control": "no-store"}
