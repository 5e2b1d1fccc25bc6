"""The token issuer, over HTTP. The client is imported at first use."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..kernel import telemetry
from ..kernel.errors import Unavailable
from .system import in_background, monotonic_s

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

MOST_BYTES = 262_144
_CHUNK_BYTES = 65_536
_AWAY = "the issuer's keys cannot be read, try again"


class HttpIssuer:
    """See `ports.Issuer`. Follows no redirection: it could lead to plain HTTP.

    The socket's time-out bounds one read only: not the look-up of the name, several addresses, or
    headers that trickle. So each fetch has a thread. One that is late is left behind, and there is
    no other fetch until it ends. The caller asks from one thread at a time.

    Args:
        url: Where the key set is.
        silence_s: Maximum seconds to connect to an address, and of silence.
        longest_s: Maximum seconds for all of it.
    """

    def __init__(self, url: str, silence_s: float = 3.0, longest_s: float = 6.0) -> None:
        self._url = url
        self._silence_s, self._longest_s = silence_s, longest_s
        self._opener: OpenerDirector | None = None
        self._running: threading.Thread | None = None

    def key_set(self) -> str:
        if self._running is not None and self._running.is_alive():
            telemetry.log("ERROR", "issuer_keys_not_read", error="an earlier fetch hangs")
            raise Unavailable(_AWAY)
        texts: list[str] = []
        self._running = in_background(lambda: self._fetch(texts))
        self._running.join(self._longest_s)
        if texts:
            return texts[0]
        if self._running.is_alive():
            telemetry.log("ERROR", "issuer_keys_not_read", error="TimeoutError")
        raise Unavailable(_AWAY)

    def _fetch(self, texts: list[str]) -> None:
        """Add the key set to `texts`, or log why there is none."""
        from urllib.error import HTTPError
        from urllib.request import Request

        headers = {
            "Accept": "application/json",
            # Some issuers' firewalls refuse that of Python's library.
            "User-Agent": f"tidings/{__version__}",
        }
        try:
            deadline = monotonic_s() + self._longest_s
            self._opener = self._opener or _opener(self._url)
            with self._opener.open(
                Request(self._url, headers=headers), timeout=self._silence_s
            ) as answer:
                texts.append(_body(answer, deadline).decode())
        except HTTPError as fault:
            fault.close()
            telemetry.error("issuer_keys_not_read", fault, status=fault.code)
        except Exception as fault:  # noqa: BLE001 - whatever it is, nobody catches it in a thread
            telemetry.error("issuer_keys_not_read", fault)


def _opener(url: str) -> OpenerDirector:
    """Proxies are those of the environment. A key set over plain HTTP stays on this machine."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *answer: Any) -> None:
            return None

    direct = [ProxyHandler({})] if url.startswith("http:") else []
    return build_opener(Stay, *direct)


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
