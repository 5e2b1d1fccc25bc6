"""The token issuer, over HTTP. The client is imported at first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import __version__
from ..kernel import telemetry
from ..kernel.errors import Unavailable
from .system import monotonic_s

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

MOST_BYTES = 262_144
_CHUNK_BYTES = 65_536
_AWAY = "the issuer's keys cannot be read, try again"


class HttpIssuer:
    """See `ports.Issuer`. Follows no redirection: it could lead to plain HTTP.

    Args:
        url: Where the key set is.
        silence_s: Maximum seconds to connect, and of silence.
        longest_s: Maximum seconds for the body of the answer.
    """

    def __init__(self, url: str, silence_s: float = 3.0, longest_s: float = 6.0) -> None:
        self._url = url
        self._silence_s, self._longest_s = silence_s, longest_s
        self._opener: OpenerDirector | None = None

    def key_set(self) -> str:
        import http.client
        from urllib.error import HTTPError
        from urllib.request import Request

        headers = {
            "Accept": "application/json",
            # Some issuers' firewalls refuse that of Python's library.
            "User-Agent": f"tidings/{__version__}",
        }
        try:
            self._opener = self._opener or _opener()
            with self._opener.open(
                Request(self._url, headers=headers), timeout=self._silence_s
            ) as answer:
                return _body(answer, monotonic_s() + self._longest_s).decode()
        except HTTPError as fault:
            fault.close()
            telemetry.error("issuer_keys_not_read", fault, status=fault.code)
            raise Unavailable(_AWAY) from fault
        except (OSError, http.client.HTTPException, ValueError) as fault:
            telemetry.error("issuer_keys_not_read", fault)
            raise Unavailable(_AWAY) from fault


def _opener() -> OpenerDirector:
    from urllib.request import HTTPRedirectHandler, build_opener

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *answer: Any) -> None:
            return None

    return build_opener(Stay)


def _body(answer: Any, deadline: float) -> bytes:
    """The answer's body, bounded in bytes and in time, and complete."""
    body = bytearray()
    while chunk := answer.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > MOST_BYTES:
            raise ValueError("the key set is too long")
        if monotonic_s() > deadline:
            raise TimeoutError("the key set takes too long")
    length = answer.headers.get("Content-Length")
    if length is not None and int(length) != len(body):
        raise ValueError("the key set is cut off")
    return bytes(body)
