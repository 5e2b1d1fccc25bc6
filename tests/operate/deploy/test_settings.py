"""What is wrong with a deployment's variables, found by the types and the functions' own parser."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from operate.deploy import given, settings
from operate.deploy.given import Given

PATH = os.environ["PATH"]


def names_of(**values: Any) -> list[str]:
    return [fault.name for fault in settings.faults(Given(values))]


def test_nothing_is_wrong_with_what_can_be() -> None:
    app = {
        "shards": 2,
        "settings": {
            "TIDINGS_LIMITS": '{"sync": [0.5, 3]}',
            "TIDINGS_MAX_ROOMS": 7,
            "TIDINGS_BEHIND_PROXY": "1",
            "TIDINGS_JWKS_URL": "https://login.example.com/keys",
            "TIDINGS_JWT_ISSUER": "https://login.example.com/",
            "TIDINGS_JWT_AUDIENCE": "chat",
        },
        "cors_origins": ["https://chat.example.com"],
        "endpoints": {"us-east-1": {"websocket": "wss://a/ws", "health": "https://a/v1/health"}},
        "reserved_concurrency": {"api_handler": 100},
        "queue_concurrency": {"delivery": 50},
    }
    network = {"zone_names": ["us-east-1a", "us-east-1b"]}
    assert names_of(app=app, network=network, tags={"team": "chat"}) == []
    assert names_of() == []


def test_each_setting_that_cannot_be_is_named() -> None:
    """The parser stops at the first; whoever deploys learns of all."""
    texts = {
        "TIDINGS_LIMITS": "{nope",
        "TIDINGS_MAX_CONNECTIONS": "many",
        "TIDINGS_MAX_ROOMS": "7.5",
        "TIDINGS_BEHIND_PROXY": True,
        "TIDINGS_LOG_LEVEL": "WARN",
        "TIDINGS_MAX_MEMBERS": 100,
        "TIDINGS_JWKS_URL": "https://login.example.com/keys",
    }
    wrong = texts.keys() - {"TIDINGS_MAX_MEMBERS"}
    found = names_of(app={"settings": texts})
    assert sorted(found) == sorted(f"app.settings.{name}" for name in wrong)


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("app", {"shard": 2}, "app.shard"),
        ("app", {"domains": {"websocket": {"nam": "a"}}}, "app.domains.websocket.nam"),
        ("app", {"settings": {"TIDINGS_LIMIT": "1"}}, "app.settings.TIDINGS_LIMIT"),
        ("app", {"settings": {"TIDINGS_SHARDS": "2"}}, "app.settings.TIDINGS_SHARDS"),
        (
            "app",
            {"settings": {"TIDINGS_LIMITS": '{"sent": [1, 2]}'}},
            "app.settings.TIDINGS_LIMITS",
        ),
        ("app", {"reserved_concurrency": {"api": 3}}, "app.reserved_concurrency.api"),
        ("app", {"queue_concurrency": {"deliver": 3}}, "app.queue_concurrency.deliver"),
        ("app", {"cors_origins": ["https://a.example/"]}, "app.cors_origins"),
        ("app", {"shards": "two"}, "app.shards"),
        ("network", {"zones": "two"}, "network.zones"),
        ("network", {"zone_names": ["a1", "b1", "a1"]}, "network.zone_names"),
        ("cache", {"node": "cache.t4g.small"}, "cache.node"),
        ("cache", {"url": "rediss://user:geheim@cache.example.com"}, "cache.url"),
        ("redis_url", "rediss://:geheim@cache.example.com", "redis_url"),
        ("redis_url", "cache.example.com:6379", "redis_url"),
        ("tables", {"deletion_protection": "perhaps"}, "tables.deletion_protection"),
    ],
)
def test_what_cannot_be(variable: str, value: Any, name: str) -> None:
    assert names_of(**{variable: value}) == [name]


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "rediss://[::1]:6379",
        "rediss://:{redis_password}@cache.example.com",
        "rediss://a%40b:{redis_password}@cache.example.com:6390/0",
    ],
)
def test_urls_of_caches(url: str) -> None:
    assert names_of(redis_url=url, cache={"url": url}) == []


def test_a_variable_that_the_root_does_not_have() -> None:
    (fault,) = settings.faults(Given({}, ["caches"]))
    assert fault.name == "caches"
    assert "cache, " in fault.allowed


def test_values_are_not_repeated() -> None:
    """One of them may be a secret in the wrong place."""
    app = {"settings": {"TIDINGS_JWT_SECRET": "geheim", "TIDINGS_MAX_ROOMS": "geheim"}}
    url = "rediss://user:geheim@cache.example.com"
    given = {"app": app, "tables": {"deletion_protection": "geheim"}, "redis_url": url}
    found = settings.faults(Given(given))
    assert [fault.shape for fault in found][:3] == ["a text of 6 characters"] * 3
    assert found[3].name == "redis_url"
    assert "geheim" not in "".join(map(str, found))


@pytest.mark.extended
def test_files_are_read_as_terraform_reads_them(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tfvars", tmp_path / "b.tfvars.json"
    first.write_text('name = "chat"\nnope = 1\nnetwork = { zonez = 2 } # as HCL\n')
    second.write_text(json.dumps({"name": "talk", "tags": {"a": "b"}}))
    read = given.read(
        settings.names(), [first, second], {"TF_VAR_region": "eu-west-1", "PATH": PATH}
    )
    assert read.undeclared == ["nope"]
    assert read.values == {
        "name": "talk",
        "network": {"zonez": 2},
        "region": "eu-west-1",
        "tags": {"a": "b"},
    }
    assert [fault.name for fault in settings.faults(read)] == ["nope", "network.zonez"]


def test_without_files_nothing_is_run() -> None:
    assert given.read(["name"], [], {"PATH": "/nonexistent"}) == Given()


def test_what_terraform_reads_by_itself(tmp_path: Path) -> None:
    for name in ("b.auto.tfvars", "a.auto.tfvars.json", "terraform.tfvars", "prod.tfvars"):
        (tmp_path / name).touch()
    names = [path.name for path in given.files_of(tmp_path)]
    assert names == ["terraform.tfvars", "a.auto.tfvars.json", "b.auto.tfvars"]
