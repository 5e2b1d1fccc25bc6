"""settings.md: the fields of Settings, with the functions that depend on each one."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.kernel.settings import Settings

from . import docstrings
from .markdown import code, codes, table
from .sections import Makers

_ROOT = Path(__file__).resolve().parents[2]
_PERMISSIONS = _ROOT / "terraform/modules/app/permissions.json"
_VARIABLE = re.compile(r" ?\[((?:TIDINGS|AWS)_[A-Z0-9_]+)\]\.?$")
_UNITS = (("_per_s", "a second"), ("_ms", "ms"), ("_s", "s"))
_FORMS = {
    "allowed_origins": "list, comma-separated",
    "jwt_audiences": "list, comma-separated",
    "limits": "JSON object",
    "room_rate": "JSON array",
    "room_share": "number",
    "room_durability": "JSON object",
    "endpoints": "JSON object",
    "redis_cluster": "`1` for yes",
    "redis_iam_serverless": "`1` for yes",
}

# The functions that depend on a setting: "all"; those that use the topic, Redis, the secret or
# @connections, according to permissions.json, which is derived from the code; or these, by name,
# which tests/terraform/test_permissions.py derives from the code.
_TOKENS = ("api_handler", "websocket_connect", "websocket_message")
_ENGINE = ("api_handler", "outbound", "websocket_message")
READ_BY: dict[str, str | tuple[str, ...]] = {
    "region": "all",
    "regions": "all",
    "prefix": "all",
    "endpoint_url": "all",
    "dynamodb_endpoint_url": "all",
    "sqs_endpoint_url": "all",
    "home_endpoint_url": "all",
    "topic_arn": "topic",
    "secret_id": "secret",
    "redis_url": "redis",
    "redis_cluster": "redis",
    "redis_iam_user": "redis",
    "redis_iam_cache": "redis",
    "redis_iam_serverless": "redis",
    "connections_url": "connections",
    "websocket_apis": ("api_handler",),
    "jwt_secret": _TOKENS,
    "jwks_url": _TOKENS,
    "jwt_issuer": _TOKENS,
    "jwt_audiences": _TOKENS,
    "jwt_secret_unscoped": _TOKENS,
    "jwt_user_claim": _TOKENS,
    "jwt_roles_claim": _TOKENS,
    "jwt_max_validity_s": _TOKENS,
    "posts_per_s": "connections",
    "post_concurrency": "connections",
    "split_over": ("deliver",),
    "fast_lane": ("websocket_message", "api_handler", "deliver", "outbound"),
    "outbox": ("websocket_message", "api_handler", "deliver", "outbound"),
    "fast_lane_ms": ("websocket_message", "api_handler", "deliver", "outbound"),
    "limits": _TOKENS,
    "edge_proofs": ("api_handler", "websocket_connect"),
    "behind_proxy": ("api_handler", "websocket_connect"),
    "room_rate": ("websocket_message", "api_handler"),
    "room_share": ("websocket_message", "api_handler"),
    "durability": ("websocket_message", "api_handler"),
    "room_durability": ("websocket_message", "api_handler"),
    "global_alone": ("websocket_message", "api_handler"),
    "endpoints": ("api_handler", "outbound", "websocket_connect"),
    "drain_per_s": ("api_handler", "outbound", "sweep"),
    "shards": ("api_handler", "outbound"),
    "max_connections": (*_TOKENS, "deliver"),
    "max_rooms": ("api_handler",),
    "max_members": ("api_handler",),
    "added_by": ("api_handler",),
    "ping_interval_ms": _ENGINE,
    "ping_timeout_ms": _ENGINE,
    "connect_timeout_s": _ENGINE,
    "poll_slots": ("api_handler",),
    "allowed_origins": ("api_handler",),
    "metrics_namespace": "all",
    "log_level": "all",
}


def settings() -> str:
    """All settings in a table."""
    meanings = docstrings.section(Settings, "Attributes")
    rows = []
    for field in dataclasses.fields(Settings):
        meaning = meanings[field.name]
        variable = _VARIABLE.search(meaning)
        if variable is None:
            raise ValueError(f"{field.name}: no environment variable in its description")
        rows.append(
            (
                code(variable[1]),
                f"{form(field.name, field.type)}{_unit(field.name)}",
                default(field),
                f"{_VARIABLE.sub('', meaning)}.",
                read_by(field.name),
            )
        )
    return table(["variable", "form", "default", "meaning", "read by"], rows)


def form(name: str, kind: Any) -> str:
    plain = {"int": "whole number", "bool": "`1` for yes"}
    return _FORMS.get(name) or plain.get(str(kind), "text")


def default(field: dataclasses.Field[Any]) -> str:
    if field.name == "limits":
        return "see [rates](protocol.md#rates)"
    if isinstance(field.default, Rate):
        return code([field.default.per_s, field.default.burst])
    if field.default is dataclasses.MISSING or field.default in ("", None, ()):
        return "none"
    return "no" if field.default is False else code(field.default)


def read_by(name: str) -> str:
    readers = READ_BY[name]
    if readers == "all":
        return "all"
    if isinstance(readers, str):
        readers = tuple(each for each, needs in functions().items() if needs[readers])
    return "all" if set(readers) == set(functions()) else codes(readers)


def functions() -> Mapping[str, Mapping[str, Any]]:
    """The functions' permissions, from permissions.json."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(_PERMISSIONS.read_text())
    return found


def limits() -> str:
    """The default of TIDINGS_LIMITS, in the variable's own format."""
    given = {name: [rate.per_s, rate.burst] for name, rate in DEFAULT_LIMITS.items()}
    return f"```json\n{json.dumps(given)}\n```"


def _unit(name: str) -> str:
    return next((f", {unit}" for suffix, unit in _UNITS if name.endswith(suffix)), "")


SECTIONS: Makers = {"settings": settings, "limits": limits}
