"""Several WebSocket APIs in one region: the router names a user's, and all hear each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.own_process import stack
from tests.support.people import Device, People, name


@pytest.fixture
def port() -> Iterator[int]:
    """A stack of three shards."""
    with stack("shards=3") as port:
        yield port


@pytest.mark.timeout(180)
def test_users_land_where_the_router_says_and_hear_each_other(port: int) -> None:
    with People(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws") as people:
        users: dict[str, str] = {}
        while len(users) < 3:  # one on each shard; a user in three, so soon found
            user = name("u")
            status, found = people.http("GET", "/v1/endpoint", token=people.token(user))
            assert status == 200
            assert found["region"] == "us-east-1"
            assert found["url"].endswith("/" + found["shard"])
            users.setdefault(found["shard"], user)
        room = people.room(*users.values())
        devices = {}
        for shard, user in users.items():
            url = f"ws://127.0.0.1:{port}/{shard}?token={people.token(user)}"
            devices[shard] = Device(url)
        try:
            for shard, device in devices.items():
                device.say(room, shard)
            for shard, device in devices.items():
                others = {message["content"] for message in device.heard(room, 2)}
                assert others == set(users) - {shard}
        finally:
            for device in devices.values():
                device.close()
