"""Other regions' health, over HTTP. Few functions ask, so the client is imported at first use."""

from __future__ import annotations

_TIMEOUT_S = 2.0  # a health check takes a second if a store hangs


class HttpPeers:
    """See `ports.PeerHealth`."""

    def healthy(self, url: str) -> bool:
        if not url.startswith(("https://", "http://")):
            return False
        import http.client
        import urllib.error
        import urllib.request

        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return False
