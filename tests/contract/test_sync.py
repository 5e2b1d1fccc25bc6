"""`cluster:sync` on a real Valkey: all listeners get events, also after an outage."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from chalicelib.adapters.redis.cluster import CHANNEL, RedisClusterBus
from chalicelib.kernel.errors import CacheDown
from tests.support.world import FakeClock
from workbench.stack.children import Child, free_port, start_valkey

WAIT_S = 30.0


@pytest.fixture
def node() -> Iterator[tuple[int, Child]]:
    port = free_port()
    child = start_valkey(port)
    yield port, child
    child.stop()


def listener(url: str, name: str) -> tuple[RedisClusterBus, queue.Queue[tuple[str, Any]]]:
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()
    sync = RedisClusterBus(url, name, FakeClock())
    sync.listen(lambda event, data: heard.put((event, data)))
    sync.listen(lambda event, data: heard.put(("twice", data)))
    assert sync.subscribed.wait(WAIT_S)
    return sync, heard


def test_every_listener_hears_and_hears_again_after_an_outage(node: tuple[int, Child]) -> None:
    port, child = node
    url = f"redis://127.0.0.1:{port}/0"
    syncs = [listener(url, name) for name in ("a", "b")]
    sender = RedisClusterBus(url, "c", FakeClock())
    again = None
    try:
        sender.publish("user_revoked", {"user_id": "alice", "until_ms": 5})
        for _, heard in syncs:
            assert heard.get(timeout=WAIT_S) == (
                "user_revoked",
                {"user_id": "alice", "until_ms": 5},
            )
            assert heard.empty()
        child.stop()
        with pytest.raises(CacheDown):
            sender.publish("lost", {})
        again = start_valkey(port)
        deadline = time.monotonic() + WAIT_S
        while redis.Redis.from_url(url).pubsub_numsub(CHANNEL)[0][1] < 2:
            assert time.monotonic() < deadline, "the listeners must reconnect"
        sender.publish("found", {"n": 1})
        for _, heard in syncs:
            assert heard.get(timeout=WAIT_S) == ("found", {"n": 1})
    finally:
        for sync, _ in syncs:
            sync.close()
        if again is not None:
            again.stop()


def test_what_is_on_the_channel_is_the_documented_message(node: tuple[int, Child]) -> None:
    url = f"redis://127.0.0.1:{node[0]}/0"
    with redis.Redis.from_url(url, decode_responses=True).pubsub() as channel:
        channel.subscribe(CHANNEL)
        assert channel.get_message(timeout=WAIT_S)["type"] == "subscribe"
        RedisClusterBus(url, "instance-1", FakeClock()).publish("user_revoked", {"user_id": "x"})
        message = json.loads(channel.get_message(timeout=WAIT_S)["data"])
    assert set(message) == {"event", "data", "timestamp", "source_instance"}
    assert message["source_instance"] == "instance-1"


def test_nonsense_on_the_channel_does_not_end_it(node: tuple[int, Child]) -> None:
    url = f"redis://127.0.0.1:{node[0]}/0"
    sync, heard = listener(url, "a")
    client = redis.Redis.from_url(url)
    try:
        client.publish(CHANNEL, "not json")
        deadline = time.monotonic() + WAIT_S
        while heard.empty():
            assert time.monotonic() < deadline
            client.publish(CHANNEL, json.dumps({"event": "fine", "data": {}}))
            time.sleep(0.05)
        assert heard.get() == ("fine", {})
    finally:
        sync.close()


def test_without_a_cache_nobody_hears() -> None:
    sync = RedisClusterBus("", "a", FakeClock())
    sync.listen(lambda event, data: None)
    with pytest.raises(CacheDown):
        sync.publish("x", {})
    sync.close()
