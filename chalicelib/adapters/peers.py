"""Other regions' health, over HTTP."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

_TIMEOUT_S = 1.0


class HttpPeers:
    """See `ports.PeerHealth`."""

    def healthy(self, url: str) -> bool:
        if not url.startswith(("https://", "http://")):
            return False
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return False
