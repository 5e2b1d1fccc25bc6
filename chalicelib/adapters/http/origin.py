"""Where requests go: scheme, host and port of a base URL, and whom TLS trusts."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...kernel.settings import ca_bundle

if TYPE_CHECKING:
    from ssl import SSLContext

# Do not reuse sockets idle for longer: gateways and NATs drop them silently.
IDLE_MS = 50_000


class Origin:
    """The server of a base URL.

    Attributes:
        host: The value of the Host header.
        path: The base URL's own path, without a "/" at its end.
    """

    __slots__ = ("host", "name", "path", "port", "tls")

    def __init__(self, base: str) -> None:
        url = urlsplit(base)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("an endpoint is a URL such as https://sqs.us-east-1.amazonaws.com")
        self.tls = url.scheme == "https"
        self.port = url.port or (443 if self.tls else 80)
        self.name = url.hostname
        self.host = url.netloc.rpartition("@")[2].removesuffix(":443" if self.tls else ":80")
        self.path = url.path.rstrip("/")

    def context(self) -> SSLContext | None:
        """For TLS with this server; None without TLS."""
        return _context(ca_bundle()) if self.tls else None


@lru_cache(maxsize=4)
def _context(bundle: str | None) -> SSLContext:
    """One for all sockets: reading the authorities takes 10 ms and more."""
    import ssl

    context = ssl.create_default_context(cafile=bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context
