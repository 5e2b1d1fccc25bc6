"""The values that settings have, and how they are read from the environment's texts. Pure.

A text that is no such value raises `SettingError`: the variable's name, and what is allowed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..model.identifiers import Region
from ..model.log import Durability
from ..model.rooms import RoomType
from .rates import DEFAULT_LIMITS, Rate

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ANY_ORIGIN = "*"
MOST = 1_000_000_000  # of every whole number
MOST_REGIONS = 8  # a position has a part for each
# A token of a year passes, with room for those who renew it late; one in milliseconds does not.
DEFAULT_VALIDITY_S = 400 * 86_400
LEAST_VALIDITY_S, MOST_VALIDITY_S = 60, 100 * 365 * 86_400  # its end must have a year of 4 digits
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)+")
_SHARE = re.compile(r"0[.][0-9]{0,8}[1-9][0-9]{0,8}|1([.]0{1,9})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]+")  # as browsers send it: lower case, no path


class SettingError(ValueError):
    """A setting has a value that it cannot have.

    Attributes:
        name: The environment variable.
        why: What is allowed.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name
        self.why = why


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A deployed region: its WebSocket URL with the placeholder `{shard}`, and its health URL."""

    websocket: str
    health: str

    @property
    def api(self) -> str:
        """The base URL of the region's HTTP API."""
        return self.health.removesuffix("/v1/health")


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """A WebSocket API, whose @connections is at its stage."""

    api_id: str
    stage: str


class Alone(StrEnum):
    """What becomes of a message that shall be in a second region, and no other region takes it."""

    ACK = "ack"
    REFUSE = "refuse"


E = TypeVar("E", bound=StrEnum)
Env = Mapping[str, str]


def first_url(env: Env, *names: str) -> str | None:
    """The URL of the first of these variables that has a value."""
    for name in names:
        if text := env.get(name):
            if not re.match("https?://[^/]", text):
                raise SettingError(name, "must begin with https:// or http://")
            return text
    return None


def whole(env: Env, name: str, default: int, *, least: int = 1, most: int = MOST) -> int:
    """Return a whole number in decimal digits; the default for the empty text."""
    text = env.get(name, "")
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,15}", text) or not least <= int(text) <= most:
        raise SettingError(name, f"must be a whole number from {least} to {most}")
    return int(text)


def flag(env: Env, name: str) -> bool:
    """Whether it is on. Any other word would be off without saying so."""
    text = env.get(name, "")
    if text not in ("", "0", "1"):
        raise SettingError(name, "must be 1 for yes; or 0, or empty, for no")
    return text == "1"


def log_level(text: str, default: str) -> str:
    if text and text not in LOG_LEVELS:
        raise SettingError("TIDINGS_LOG_LEVEL", f"must be one of {', '.join(LOG_LEVELS)}")
    return text or default


def redis_url(text: str) -> str:
    """The URL of Redis; it may be that of a developer's own, with a password in it."""
    if text and not re.match("rediss?://[^/]", text):
        raise SettingError("TIDINGS_REDIS_URL", "must begin with rediss:// or redis://")
    return text


def parts(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list."""
    return tuple(each.strip() for each in text.split(",") if each.strip())


def region(name: str, text: str) -> Region:
    if not _REGION.fullmatch(text):  # it is part of keys and positions, between separators
        raise SettingError(name, f"{text} is not the name of a region such as us-east-1")
    return Region(text)


def regions(own: str, text: str) -> tuple[Region, ...]:
    found = tuple(region("TIDINGS_REGIONS", each) for each in parts(text))
    if found and own not in found:
        raise SettingError("TIDINGS_REGIONS", f"{own}, the region of these functions, is missing")
    if len(set(found)) < len(found) or len(found) > MOST_REGIONS:
        raise SettingError("TIDINGS_REGIONS", f"name each region once, and {MOST_REGIONS} at most")
    return found


def jwks_url(text: str, *, is_scoped: bool) -> str:
    """The URL of an issuer's keys, which whoever is between must not be able to change.

    Args:
        is_scoped: Whether issuer and audience are set: an issuer signs tokens for others, too.
    """
    if not text:
        return ""
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port  # ValueError if the port is no number
    except ValueError:
        raise SettingError("TIDINGS_JWKS_URL", "is not a URL") from None
    is_safe = url.scheme == "https" or (url.scheme == "http" and host in _LOOPBACK)
    if not host or not is_safe:
        raise SettingError(
            "TIDINGS_JWKS_URL", "must begin with https://, or be http on this machine"
        )
    if not is_scoped:
        raise SettingError(
            "TIDINGS_JWKS_URL", "set TIDINGS_JWT_ISSUER and TIDINGS_JWT_AUDIENCE, too"
        )
    return text


def audiences(text: str) -> tuple[str, ...]:
    """The audiences, if the setting is set: one that names none would check nothing."""
    found = parts(text)
    if text and not found:
        raise SettingError(
            "TIDINGS_JWT_AUDIENCE", "names no audience; leave it out if there is none"
        )
    return found


def websocket_apis(text: str) -> tuple[WebSocketApi, ...]:
    found = []
    for name in parts(text):
        api_id, _, stage = name.partition("/")
        if not api_id or not stage:
            raise SettingError("TIDINGS_WEBSOCKET_APIS", f"{name} is not `api id/stage`")
        found.append(WebSocketApi(api_id, stage))
    return tuple(found)


def origins(text: str) -> tuple[str, ...]:
    found = parts(text)
    for origin in found:
        if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
            raise SettingError(
                "TIDINGS_ALLOWED_ORIGINS", f"{origin} is not an origin such as https://example.com"
            )
    return found


def digests(text: str) -> tuple[str, ...]:
    found = parts(text)
    for digest in found:
        if not _DIGEST.fullmatch(digest):
            raise SettingError("TIDINGS_EDGE_PROOFS", f"{digest} is not a SHA-256 digest in hex")
    return found


def limits(text: str) -> dict[str, Rate]:
    name = "TIDINGS_LIMITS"
    found = json_object(name, text)
    unknown = ", ".join(sorted(found.keys() - DEFAULT_LIMITS.keys()))
    if unknown:
        raise SettingError(
            name, f"has no limit named {unknown}; they are {', '.join(sorted(DEFAULT_LIMITS))}"
        )
    return {action: rate(name, f"{action}: ", pair) for action, pair in found.items()}


def room_rate(text: str) -> Rate | None:
    name = "TIDINGS_ROOM_RATE"
    return rate(name, "", _json(name, text)) if text else None


def rate(name: str, of: str, pair: Any) -> Rate:
    match pair:
        case [int() | float() as per_s, int() as burst] if (
            bool not in map(type, pair) and 0 < per_s <= MOST and 0 < burst <= MOST
        ):
            return Rate(float(per_s), burst)
    raise SettingError(name, f"{of}must be [tokens per second, burst], the burst a whole number")


def share(text: str) -> float | None:
    if text and not _SHARE.fullmatch(text):
        raise SettingError("TIDINGS_ROOM_SHARE", "must be a number above 0 and at most 1")
    return float(text) if text else None


def room_durability(text: str) -> dict[RoomType, Durability]:
    name = "TIDINGS_ROOM_DURABILITY"
    found = {}
    for given, durability in json_object(name, text).items():
        room_type = one_of(name, RoomType, given)
        wanted = one_of(name, Durability, durability)
        if room_type is None or wanted is None:
            raise SettingError(name, "a room type or its durability is empty")
        found[room_type] = wanted
    return found


def one_of(name: str, kind: type[E], text: Any) -> E | None:
    """Return the value with this name; None for the empty text."""
    if text == "":
        return None
    try:
        return kind(text)
    except ValueError:
        names = ", ".join(each.value for each in kind)
        raise SettingError(name, f"{text} is none of {names}") from None


def endpoints(text: str) -> dict[Region, Endpoint]:
    found = {}
    for name, given in json_object("TIDINGS_ENDPOINTS", text).items():
        match given:
            case {"websocket": str() as websocket, "health": str() as health}:
                found[Region(name)] = Endpoint(websocket, health)
            case _:
                raise SettingError(
                    "TIDINGS_ENDPOINTS", f"{name} must have the texts `websocket` and `health`"
                )
    return found


def json_object(name: str, text: str) -> dict[str, Any]:
    given = _json(name, text) if text else {}
    if not isinstance(given, dict):
        raise SettingError(name, "must be a JSON object")
    return given


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SettingError(name, "is not JSON") from None
