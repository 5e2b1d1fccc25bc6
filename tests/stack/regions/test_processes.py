"""One region's processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis

from operate import keys
from tests.support.waiting import until
from workbench.stack.regions.processes import RegionProcesses


@pytest.fixture
def region() -> Iterator[RegionProcesses]:
    processes = RegionProcesses("us-east-1", "tidings", keys.make(), [])
    processes.start_valkey()
    yield processes
    processes.stop()


def test_a_redis_that_is_rolled_back_lacks_its_last_writes_and_nothing_else(
    region: RegionProcesses,
) -> None:
    for time in (1, 2):
        with redis.Redis(port=region.valkey_port, decode_responses=True) as client:
            client.set("before", time)
            saved = client.info()["rdb_changes_since_last_save"]
            assert saved > 0
            rolling = threading.Thread(target=region.roll_back_valkey, args=(1.0,))
            rolling.start()
            until(lambda: client.info()["rdb_changes_since_last_save"] == 0, "it is saved")
            client.set("after", time)
            rolling.join()
        with redis.Redis(port=region.valkey_port, decode_responses=True) as client:
            assert (client.get("before"), client.get("after")) == (str(time), None)
        assert region.dead() is None
