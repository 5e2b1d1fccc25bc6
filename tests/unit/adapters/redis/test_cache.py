"""What a frame asks Redis for; the guarantees are in `tests/contract`."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.model.access import Charge
from chalicelib.model.identifiers import RoomId
from tests.support.cache import ALICE, NOW, ROOM, target
from tests.support.world import CountingIds


class Unknowing:
    """A client of a Redis that knows no connection; it records the commands."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def run(self, *commands: tuple[Any, ...], once: bool = False) -> list[Any]:
        self.sent += commands
        found = [None] * next(len(each) - 2 for each in commands if each[0] == "HMGET")
        return [[0, 0, 0], found, 0, ["version", None, None]][: len(commands)]


@pytest.mark.parametrize("room", [None, ROOM])
def test_a_frame_reads_no_grant_but_that_of_its_room(room: RoomId | None) -> None:
    client = Unknowing()
    cache = RedisCache(client, CountingIds())  # type: ignore[arg-type]
    frame = cache.frame(target(ALICE).connection_id, room, None, Charge("x", 1.0, 1, NOW, ALICE))
    assert frame.connection is None
    [read] = [command for command in client.sent if command[0] in ("HMGET", "HGETALL")]
    assert [name for name in read[2:] if name.startswith("m:")] == ([f"m:{ROOM}"] if room else [])
