"""Options and arguments that several commands share, each with its validation.

An invalid value is rejected before a command does anything. The rules for names are the
server's own.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import typer
from pydantic import TypeAdapter, ValidationError

from chalicelib.contract.commands import RoomIdText
from chalicelib.kernel import names

_ROOM: TypeAdapter[str] = TypeAdapter(RoomIdText)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}")


def url(text: str) -> str:
    """Validate an http(s) address; a slash at its end is removed."""
    parts = _split(text)
    if parts.scheme in ("ws", "wss") and parts.netloc:
        instead = parts.scheme.replace("ws", "http")
        raise typer.BadParameter(f"{text!r} is a WebSocket URL: write {instead}://{parts.netloc}")
    if "://" not in text or not parts.scheme:
        raise typer.BadParameter(f"{text!r} has no scheme: write http://{text}")
    if parts.scheme not in ("http", "https"):
        raise typer.BadParameter(f"{text!r}: the scheme must be http or https, not {parts.scheme}")
    if not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise typer.BadParameter(f"{text!r} has no host: write for example http://127.0.0.1:8080")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        port = "" if parts.port is None else f":{parts.port}"
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        raise typer.BadParameter(
            f"{text!r} has more than scheme, host and port: write {parts.scheme}://{host}{port}"
        )
    return f"{parts.scheme}://{parts.netloc}"


def user_id(text: str) -> str:
    """Validate a user id by the server's rule."""
    _refuse_reserved(text)
    if not names.is_user(text):
        raise typer.BadParameter(
            f"{text!r} is not a user id: use 1 to 128 letters, digits and _ : . @ | + = ~ -, "
            "not beginning with a dot"
        )
    return text


def room_id(text: str) -> str:
    """Validate a room id by the server's rule."""
    _refuse_reserved(text)
    try:
        return _ROOM.validate_python(text)
    except ValidationError:
        raise typer.BadParameter(
            f"{text!r} is not a room id: use 1 to 64 letters, digits and _ . -, not beginning with "
            "a dot"
        ) from None


def _refuse_reserved(text: str) -> None:
    if text in names.RESERVED:
        raise typer.BadParameter(f"{text!r}: {names.IS_RESERVED}")


def region(text: str) -> str:
    """Validate the form of an AWS region's name; only AWS knows whether it exists."""
    if not _REGION.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is not an AWS region: write for example us-east-1")
    return text


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        if parts.port == 0:
            raise ValueError
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not an address: write http://HOST or http://HOST:PORT (port 1 to 65535)"
        ) from None
    return parts


Url = Annotated[
    str | None,
    typer.Option(
        parser=url,
        metavar="URL",
        envvar="TIDINGS_URL",
        help="The service; by default the local stack that runs, else http://127.0.0.1:8080.",
    ),
]
Secret = Annotated[
    str,
    typer.Option(
        help="A deployment's secret in Secrets Manager; you need the right to read it. If the "
        "deployment sets TIDINGS_JWT_ISSUER, _AUDIENCE, _USER_CLAIM or _ROLES_CLAIM, set them "
        "here, too."
    ),
]
Region = Annotated[
    str | None, typer.Option(parser=region, metavar="REGION", envvar="REGION", help="Of --secret.")
]
User = Annotated[str, typer.Argument(parser=user_id, metavar="USER", help="A user id.")]
Room = Annotated[str, typer.Argument(parser=room_id, metavar="ROOM", help="A room id.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
Bytecode = Annotated[
    bool, typer.Option(help="Compile with the runtime's Python, found here or fetched by uv.")
]
