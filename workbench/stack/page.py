"""The demo page as a local stack serves it, with the headers that keep it to itself.

The page imports the client's modules (`clients/js`) as if they were beside its own.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from workbench.gateway import StaticFiles

_ROOT = Path(__file__).resolve().parents[2]
# The page loads nothing but its own files and talks to nobody but this stack.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
# The stock client, where `make node` has installed it; the page works without.
_VENDOR = {
    "vendor/socket.io.js": _ROOT
    / "tests/node/node_modules/socket.io-client/dist/socket.io.esm.min.js"
}


def demo_page(origins: Collection[str] = ()) -> StaticFiles:
    """The page; it may talk to stacks at these origins, too."""
    sources = [(each, each.replace("http", "ws", 1)) for each in origins]
    talks_to = " ".join(["'self'", *(source for pair in sources for source in pair)])
    headers = {"content-security-policy": _POLICY.format(talks_to), **_HEADERS}
    return StaticFiles(_ROOT / "web", more=(_ROOT / "clients/js",), headers=headers, others=_VENDOR)
