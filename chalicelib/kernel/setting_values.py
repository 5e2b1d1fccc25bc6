"""The values that settings have, and how they are read from the environment's texts. Pure.

A text that is no such value raises ValueError, whose message names the variable.
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
from .rates import Rate

ANY_ORIGIN = "*"
MOST_REGIONS = 8  # a position has a part for each
# A token of a year passes, with room for those who renew it late; one in milliseconds does not.
DEFAULT_VALIDITY_S = 400 * 86_400
_LEAST_VALIDITY_S, _MOST_VALIDITY_S = 60, 100 * 365 * 86_400  # its end must have a year of 4 digits
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)+")
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]+")  # as browsers send it: lower case, no path


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


def first_of(env: Mapping[str, str], *names: str) -> str | None:
    return next((env[name] for name in names if env.get(name)), None)


def parts(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list."""
    return tuple(each.strip() for each in text.split(",") if each.strip())


def region(name: str, text: str) -> Region:
    if not _REGION.fullmatch(text):  # it is part of keys and positions, between separators
        raise ValueError(f"{name}: {text} is not the name of a region such as us-east-1")
    return Region(text)


def regions(own: str, text: str) -> tuple[Region, ...]:
    found = tuple(region("TIDINGS_REGIONS", each) for each in parts(text))
    if found and own not in found:
        raise ValueError(f"TIDINGS_REGIONS: {own}, the region of these functions, is missing")
    if len(set(found)) < len(found) or len(found) > MOST_REGIONS:
        raise ValueError(f"TIDINGS_REGIONS: name each region once, and {MOST_REGIONS} at most")
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
        raise ValueError("TIDINGS_JWKS_URL: is not a URL") from None
    is_safe = url.scheme == "https" or (url.scheme == "http" and host in _LOOPBACK)
    if not host or not is_safe:
        raise ValueError("TIDINGS_JWKS_URL: must begin with https://, or be http on this machine")
    if not is_scoped:
        raise ValueError("TIDINGS_JWKS_URL: set TIDINGS_JWT_ISSUER and TIDINGS_JWT_AUDIENCE, too")
    return text


def audiences(text: str) -> tuple[str, ...]:
    """The audiences, if the setting is set: one that names none would check nothing."""
    found = parts(text)
    if text and not found:
        raise ValueError("TIDINGS_JWT_AUDIENCE: names no audience; leave it out if there is none")
    return found


def validity_s(text: str) -> int:
    try:
        found = int(text) if text else DEFAULT_VALIDITY_S
    except ValueError:
        found = 0
    if not _LEAST_VALIDITY_S <= found <= _MOST_VALIDITY_S:
        raise ValueError(
            "TIDINGS_JWT_MAX_VALIDITY_S: must be a whole number of seconds, "
            f"{_LEAST_VALIDITY_S} to {_MOST_VALIDITY_S}"
        )
    return found


def websocket_apis(text: str) -> tuple[WebSocketApi, ...]:
    found = []
    for name in parts(text):
        api_id, _, stage = name.partition("/")
        if not api_id or not stage:
            raise ValueError(f"TIDINGS_WEBSOCKET_APIS: {name} is not `api id/stage`")
        found.append(WebSocketApi(api_id, stage))
    return tuple(found)


def origins(text: str) -> tuple[str, ...]:
    found = parts(text)
    for origin in found:
        if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"TIDINGS_ALLOWED_ORIGINS: {origin} is not an origin such as https://example.com"
            )
    return found


def limits(text: str) -> dict[str, Rate]:
    found = json_object("TIDINGS_LIMITS", text)
    return {action: rate(f"TIDINGS_LIMITS: {action}", pair) for action, pair in found.items()}


def room_rate(text: str) -> Rate | None:
    return rate("TIDINGS_ROOM_RATE:", json.loads(text)) if text else None


def rate(name: str, pair: Any) -> Rate:
    match pair:
        case [int() | float() as per_s, int() as burst] if per_s > 0 and burst > 0:
            return Rate(float(per_s), burst)
    raise ValueError(f"{name} must be [tokens per second, burst]")


def share(text: str) -> float | None:
    found = float(text) if text else None
    if found is not None and not 0 < found <= 1:
        raise ValueError("TIDINGS_ROOM_SHARE: must be above 0 and at most 1")
    return found


def room_durability(text: str) -> dict[RoomType, Durability]:
    name = "TIDINGS_ROOM_DURABILITY"
    found = {}
    for given, durability in json_object(name, text).items():
        room_type = one_of(name, RoomType, given)
        wanted = one_of(f"{name}: {given}", Durability, durability)
        if room_type is None or wanted is None:
            raise ValueError(f"{name}: a room type or its durability is empty")
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
        raise ValueError(f"{name}: {text} is none of {names}") from None


def endpoints(text: str) -> dict[Region, Endpoint]:
    found = {}
    for name, given in json_object("TIDINGS_ENDPOINTS", text).items():
        match given:
            case {"websocket": str() as websocket, "health": str() as health}:
                found[Region(name)] = Endpoint(websocket, health)
            case _:
                raise ValueError(
                    f"TIDINGS_ENDPOINTS: {name} must have the texts `websocket` and `health`"
                )
    return found


def json_object(name: str, text: str) -> dict[str, Any]:
    given = json.loads(text) if text else {}
    if not isinstance(given, dict):
        raise ValueError(f"{name}: must be a JSON object")
    return given
