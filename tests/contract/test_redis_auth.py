"""A password from the secrets, at a real Valkey and cluster, also while it is rotated."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.adapters.redis.auth import IamToken, from_url
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.cluster import RedisClusterBus
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.adapters.system import SystemClock
from chalicelib.kernel.errors import CacheDown
from tests.support.valkey import cluster, valkey
from tests.support.world import FakeClock

USER, WAIT_S = "tidings", 30.0


@pytest.fixture(params=["single", "cluster"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[Any], bool]]:
    """Its URL and a client of each node; only named users may come in anew."""
    if request.param == "single":
        with valkey() as node:
            yield node.url, [node.client], False
    else:
        with cluster() as (url, nodes):
            yield url, nodes, True


def allow(nodes: list[Any], password: str) -> None:
    """Only this password of the user's is good, and who came with another is out."""
    for node in nodes:
        node.acl_setuser(
            USER,
            enabled=True,
            reset=True,
            passwords=[f"+{password}"],
            categories=["+@all"],
            keys=["*"],
            channels=["*"],
        )
        node.execute_command("CLIENT", "KILL", "USER", USER)


def named(url: str) -> str:
    return url.replace("redis://", f"redis://{USER}:{{redis_password}}@")


def test_commands_before_and_after_a_rotation(server: tuple[str, list[Any], bool]) -> None:
    url, nodes, is_cluster = server
    allow(nodes, "first")
    secrets = FixedSecrets({"redis_password": "first"})
    seconds = [0.0]
    bare, auth = from_url(named(url), secrets)
    client = RedisClient(bare, is_cluster, lambda: seconds[0], auth=auth)
    assert client.run(("SET", "k", "1")) == [True]
    allow(nodes, "second")
    with pytest.raises(CacheDown):
        client.run(("GET", "k"))
    secrets.values["redis_password"] = "second"
    seconds[0] += 2
    assert client.run(("GET", "k")) == ["1"]


def test_cluster_sync_comes_in_by_the_same_way(server: tuple[str, list[Any], bool]) -> None:
    url, nodes, _ = server
    allow(nodes, "first")
    bare, auth = from_url(named(url), FixedSecrets({"redis_password": "first"}))
    sync = RedisClusterBus(bare, "a", FakeClock(), auth)
    heard: queue.Queue[str] = queue.Queue()
    sync.listen(lambda event, data: heard.put(event))
    try:
        assert sync.subscribed.wait(WAIT_S)
        sync.publish("news", {})
        assert heard.get(timeout=WAIT_S) == "news"
    finally:
        sync.close()


def test_a_token_of_iam_reaches_the_server_whole(server: tuple[str, list[Any], bool]) -> None:
    """Valkey knows no IAM: it takes the token of one moment as a password."""
    url, nodes, is_cluster = server

    class Once(IamToken):
        kept: tuple[str, str] | None = None

        def get_credentials(self) -> tuple[str, str]:
            self.kept = self.kept or super().get_credentials()
            return self.kept

    keys = Credentials("AKIDEXAMPLE", "secret", "session/token==")
    auth = Once(USER, "cache", "us-east-1", True, lambda: keys, SystemClock())
    allow(nodes, auth.get_credentials()[1])
    assert RedisClient(url, is_cluster, auth=auth).run(("SET", "k", "1")) == [True]
    other = IamToken(USER, "other", "us-east-1", True, lambda: keys, SystemClock())
    with pytest.raises(CacheDown):
        RedisClient(url, is_cluster, auth=other).run(("GET", "k"))
