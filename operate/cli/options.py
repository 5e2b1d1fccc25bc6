"""Options and arguments that several commands have, each with the rule for its value.

A value that breaks its rule is refused before anything is done. The rules for names are the
server's own.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import typer
from pydantic import TypeAdapter, ValidationError

from chalicelib.access.tokens import valid_user
from chalicelib.contract.commands import RoomIdText

_ROOM: TypeAdapter[str] = TypeAdapter(RoomIdText)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}")


def url(text: str) -> str:
    """An http(s) address without a slash at its end."""
    parts = _split(text)
    if parts.scheme in ("ws", "wss") and parts.netloc:
        instead = parts.scheme.replace("ws", "http")
        raise typer.BadParameter(f"{text!r} is a WebSocket's: write {instead}://{parts.netloc}")
    if "://" not in text or not parts.scheme:
        raise typer.BadParameter(f"{text!r} has no scheme: write http://{text}")
    if parts.scheme not in ("http", "https"):
        raise typer.BadParameter(f"{text!r}: the scheme is http or https, not {parts.scheme}")
    if not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise typer.BadParameter(f"{text!r} names no host: write http://127.0.0.1:8080 or the like")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        port = "" if parts.port is None else f":{parts.port}"
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        raise typer.BadParameter(
            f"{text!r} has more than an address: write {parts.scheme}://{host}{port}"
        )
    return f"{parts.scheme}://{parts.netloc}"


def user_id(text: str) -> str:
    """A user id that the server takes."""
    if not valid_user(text):
        raise typer.BadParameter(
            f"{text!r} is no user id: 1 to 128 letters, digits and _ : . @ | + = ~ -, the first "
            "of them no dot"
        )
    return text


def room_id(text: str) -> str:
    """A room id that the server takes."""
    try:
        return _ROOM.validate_python(text)
    except ValidationError:
        raise typer.BadParameter(
            f"{text!r} is no room id: 1 to 64 letters, digits and _ . -, the first of them no dot"
        ) from None


def region(text: str) -> str:
    """What looks like an AWS region; whether there is one, AWS knows."""
    if not _REGION.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no AWS region: write us-east-1 or the like")
    return text


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        if parts.port == 0:
            raise ValueError
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no address: write http://HOST or http://HOST:PORT, a port is 1 to 65535"
        ) from None
    return parts


Url = Annotated[
    str | None,
    typer.Option(
        parser=url,
        metavar="URL",
        envvar="TIDINGS_URL",
        help="Of the service; by default the stack that runs here, else http://127.0.0.1:8080.",
    ),
]
Secret = Annotated[
    str,
    typer.Option(help="Of a deployment: its secret in Secrets Manager, which you may read."),
]
Region = Annotated[
    str | None, typer.Option(parser=region, metavar="REGION", envvar="REGION", help="Of --secret.")
]
User = Annotated[str, typer.Argument(parser=user_id, metavar="USER", help="A user id.")]
Room = Annotated[str, typer.Argument(parser=room_id, metavar="ROOM", help="A room id.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
