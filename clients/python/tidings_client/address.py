"""Addresses to connect to."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from websockets.http11 import Response
from websockets.typing import Subprotocol

from .errors import ActionError

_LONGEST = 200  # characters of what a server says
_TOKEN = re.compile(r"[\w.~+-]+", re.ASCII)
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def address(url: str) -> str:
    """The URL as a websocket URL.

    Raises:
        ActionError: `bad_request`, it is not one.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable:
        text = f"{url!r} is not the URL of a websocket, like wss://chat.example.com/ws"
        raise ActionError("bad_request", text, False)
    return parts._replace(scheme=_SCHEMES[parts.scheme], fragment="").geturl()


def handshake(url: str) -> str:
    """The URL for a connection that takes several events in one frame."""
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    return parts._replace(query=urlencode([*given, ("arrays", "true")])).geturl()


def subprotocols(token: str) -> list[Subprotocol]:
    """What carries the token, so that it is in no URL, which others may log.

    Raises:
        ActionError: `unauthorized`: it is no JWT.
    """
    if not _TOKEN.fullmatch(token):
        raise ActionError("unauthorized", "token() returned something that is no JWT", False)
    return [Subprotocol("bearer"), Subprotocol(token)]


def refusal(url: str, response: Response, *, first: bool) -> ActionError | None:
    """The permanent error that a handshake's HTTP answer means; None if a retry may succeed.

    Args:
        first: No connection has been open yet, so the address may be wrong.
    """
    status = response.status_code
    if status in (401, 403):
        text = f"{url} refused the token ({status}{_why(response.body)})"
        return ActionError("unauthorized", text, False)
    if first and 400 <= status < 500 and status not in (408, 425, 429):
        code = "not_found" if status == 404 else "bad_request"
        return ActionError(code, f"{url} answers {status}: check the address", False)
    return None


def _why(body: bytes | bytearray) -> str:
    """What the server says is wrong, if it says so: a gateway may leave it out."""
    try:
        why = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f": {why[:_LONGEST]}" if isinstance(why, str) and why.isprintable() else ""
