"""What is wrong with the values of Terraform's variables, found before anything is planned.

The functions' settings are read by their own parser, which would otherwise stop every function at
its start. Values are never repeated, as one of them may be a secret in the wrong place.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.kernel.settings import SettingError, Settings
from operate import triggers

from . import types
from .given import Given

_ROOT = Path(__file__).resolve().parents[2]
_VARIABLES = _ROOT / "terraform" / "variables.tf"
_SETTINGS = _ROOT / "terraform" / "modules" / "app" / "settings.json"
_EXAMPLE = "rediss://user:{redis_password}@host:6379"
# As in terraform/modules/cache/variables.tf.
_REDIS_URL = re.compile(
    r"rediss?://([^:@/?#]*:\{redis_password\}@)?([^@/:?#\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[0-9]*)?"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that cannot be.

    Attributes:
        name: Of the variable, with the path to the value in it.
        shape: What the value looks like.
        allowed: What is allowed instead.
    """

    name: str
    shape: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.name}: {self.allowed} (it is {self.shape})"


def names() -> list[str]:
    """The root's variables."""
    return list(types.variables(_VARIABLES))


def faults(given: Given) -> list[Fault]:
    """Everything that is wrong, in the order of the variables."""
    kinds = types.variables(_VARIABLES)
    found = [
        Fault(name, "given", f"unknown variable: use {', '.join(kinds)}")
        for name in given.undeclared
    ]
    for name, value in given.values.items():
        wrong = types.faults(kinds[name], value, name)
        found += [Fault(where, shape(each), allowed) for where, each, allowed in wrong]
    app = given.values.get("app")
    if isinstance(app, dict):
        found += [*_settings(app), *_concurrency(app)]
    found += _caches(given.values)
    network = given.values.get("network")
    if isinstance(network, dict):
        found += _zones(network)
    return found


def shape(value: Any) -> str:
    """Describe a value without repeating it."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return f"a text of {len(value)} characters"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object of {len(value)}"
    return "null"


def _settings(app: Mapping[str, Any]) -> Iterator[Fault]:
    """Those of app.settings and what else becomes a setting, each read by the functions' parser."""
    accepted = json.loads(_SETTINGS.read_text())
    settings, paths = {}, {}
    given = app.get("settings")
    for name, value in (given if isinstance(given, dict) else {}).items():
        where = f"app.settings.{name}"
        if name in accepted:
            settings[name], paths[name] = _text(value), (where, value)
        else:
            yield Fault(where, shape(value), f"cannot be set here: use {', '.join(accepted)}")
    origins, endpoints = app.get("cors_origins"), app.get("endpoints")
    if isinstance(origins, list):
        name = "TIDINGS_ALLOWED_ORIGINS"
        settings[name], paths[name] = ",".join(map(_text, origins)), ("app.cors_origins", origins)
    if isinstance(endpoints, dict):
        name = "TIDINGS_ENDPOINTS"
        settings[name], paths[name] = json.dumps(endpoints), ("app.endpoints", endpoints)
    yield from _refused(settings, paths)


def _refused(settings: Mapping[str, str], paths: Mapping[str, tuple[str, Any]]) -> Iterator[Fault]:
    left = dict(settings)
    while True:
        try:
            Settings.from_env(left)
        except SettingError as fault:
            where, value = paths[fault.name]
            yield Fault(where, shape(value), fault.why)
            del left[fault.name]  # to find the next one
        else:
            return


def _concurrency(app: Mapping[str, Any]) -> Iterator[Fault]:
    reserved, queues = app.get("reserved_concurrency"), app.get("queue_concurrency")
    if not reserved and not queues:
        return
    found = triggers.load(_ROOT / "app.py")
    known = {
        "reserved_concurrency": (reserved, found.functions, "function"),
        "queue_concurrency": (queues, {each.queue for each in found.queues}, "queue"),
    }
    for variable, (given, allowed, what) in known.items():
        for name, value in (given if isinstance(given, dict) else {}).items():
            if name not in allowed:
                words = f"there is no such {what}: use {', '.join(sorted(allowed))}"
                yield Fault(f"app.{variable}.{name}", shape(value), words)


def _caches(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Passwords in URLs of caches, where anybody who sees a plan could read them."""
    cache = values.get("cache")
    urls = {
        "redis_url": values.get("redis_url"),
        "cache.url": cache.get("url") if isinstance(cache, dict) else None,
    }
    for name, url in urls.items():
        if isinstance(url, str) and not _REDIS_URL.fullmatch(url):
            words = f"must be redis:// or rediss:// and host, and for a password {_EXAMPLE}"
            yield Fault(name, shape(url), f"{words}: the password itself belongs into the secret")


def _zones(network: Mapping[str, Any]) -> Iterator[Fault]:
    zones = network.get("zone_names")
    if isinstance(zones, list):
        for zone, count in Counter(map(_text, zones)).items():
            if count > 1:
                yield Fault("network.zone_names", shape(zones), f"name each zone once, {zone} too")


def _text(value: Any) -> str:
    """The text that Terraform makes of a value in a map of texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
