"""The contract of secrets: from settings, and from Secrets Manager (ministack)."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.adapters import sdk
from chalicelib.adapters.aws import client
from chalicelib.adapters.secrets import CACHED_MS, FixedSecrets, ManagedSecrets
from chalicelib.kernel.errors import Unavailable
from chalicelib.ports.access import Secrets
from tests.support.ministack import REGION, Distorted
from tests.support.world import FakeClock
from workbench.stack.children import free_port

VALUES = {"jwt_secret": "first", "redis_password": "word"}
_numbers = itertools.count(1)


class Managed:
    """A secret in Secrets Manager, and its reader.

    Attributes:
        manager: Records every call.
    """

    def __init__(self, endpoint_url: str) -> None:
        self.manager = Distorted(client("secretsmanager", REGION, endpoint_url))
        self.clock = FakeClock()
        self.id = f"tidings-{next(_numbers)}"
        self._sdk = sdk.client("secretsmanager", REGION, endpoint_url)
        self._sdk.create_secret(Name=self.id, SecretString=json.dumps(VALUES))
        self.secrets = ManagedSecrets(lambda: self.manager, self.id, self.clock)

    def put(self, text: str) -> None:
        self._sdk.put_secret_value(SecretId=self.id, SecretString=text)

    @property
    def reads(self) -> int:
        return self.manager.operations().count("get_secret_value")


@pytest.fixture
def managed(ministack_url: str) -> Managed:
    return Managed(ministack_url)


@pytest.fixture(params=["fixed", "managed"])
def secrets(request: pytest.FixtureRequest) -> Secrets:
    if request.param == "fixed":
        return FixedSecrets(VALUES)
    found: Managed = request.getfixturevalue("managed")
    return found.secrets


def test_what_is_there_and_what_is_not(secrets: Secrets) -> None:
    assert secrets.get("jwt_secret") == "first"
    assert secrets.get("redis_password") == "word"
    assert secrets.get("jwt_secret_previous") == ""


def test_it_is_read_at_the_first_use_and_once_in_five_minutes(managed: Managed) -> None:
    assert managed.reads == 0
    for name in VALUES:
        managed.secrets.get(name)
    managed.put(json.dumps({"jwt_secret": "second"}))
    managed.clock.ms += CACHED_MS - 1
    assert managed.secrets.get("jwt_secret") == "first"
    assert managed.reads == 1
    managed.clock.ms += 1
    assert managed.secrets.get("jwt_secret") == "second"
    assert managed.secrets.get("redis_password") == ""
    assert managed.reads == 2


def away(real: Callable[..., Any], **arguments: Any) -> Any:
    """A call that reaches no server."""
    nowhere = client("secretsmanager", REGION, f"http://127.0.0.1:{free_port()}")
    return nowhere.get_secret_value(**arguments)


def spoiled(text: str) -> Callable[..., Any]:
    return lambda real, **arguments: {**real(**arguments), "SecretString": text}


@pytest.mark.parametrize(
    "fault", [away, spoiled("no json"), spoiled('["a"]'), spoiled('{"jwt_secret": 1}')]
)
def test_a_failure_leaves_the_last_value_and_is_not_repeated_at_once(
    managed: Managed, fault: Callable[..., Any]
) -> None:
    managed.secrets.get("jwt_secret")
    managed.put(json.dumps({"jwt_secret": "second"}))
    managed.clock.ms += CACHED_MS
    managed.manager.answer("get_secret_value", fault)
    for _ in range(3):
        assert managed.secrets.get("jwt_secret") == "first"
    assert managed.reads == 2
    managed.clock.ms += 60_000
    assert managed.secrets.get("jwt_secret") == "second"


def test_while_one_reads_anew_the_old_value_serves_the_others(managed: Managed) -> None:
    managed.secrets.get("jwt_secret")
    managed.put(json.dumps({"jwt_secret": "second"}))
    managed.clock.ms += CACHED_MS
    asked, answer = threading.Event(), threading.Event()

    def slow(real: Callable[..., Any], **arguments: Any) -> Any:
        asked.set()
        assert answer.wait(10)
        return real(**arguments)

    managed.manager.answer("get_secret_value", slow)
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(managed.secrets.get, "jwt_secret")
        assert asked.wait(10)
        assert managed.secrets.get("jwt_secret") == "first"
        answer.set()
        assert reader.result(10) == "second"


def test_never_read_is_a_coded_error_that_may_pass(managed: Managed) -> None:
    managed.manager.answer("get_secret_value", away)
    for _ in range(3):
        with pytest.raises(Unavailable) as raised:
            managed.secrets.get("jwt_secret")
    assert raised.value.retryable
    assert managed.reads == 1, "a failing read takes seconds, so it must not happen for each frame"
    managed.clock.ms += 5_000
    assert managed.secrets.get("jwt_secret") == "first"


def test_a_secret_that_does_not_exist(managed: Managed) -> None:
    secrets = ManagedSecrets(lambda: managed.manager, "tidings-none", managed.clock)
    with pytest.raises(Unavailable):
        secrets.get("jwt_secret")


def test_neither_the_value_nor_its_name_is_logged(
    managed: Managed, caplog: pytest.LogCaptureFixture
) -> None:
    managed.manager.answer("get_secret_value", spoiled('{"jwt_secret": "hush'))
    with pytest.raises(Unavailable):
        managed.secrets.get("jwt_secret")
    assert "secrets_not_read" in caplog.text
    assert "hush" not in caplog.text
