"""Decides in which region to connect. Sans I/O."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .address import address
from .errors import ActionError

_FAILURES = 2  # after so many in a row another region is looked for


class Regions:
    """The regions that are known, and where to connect.

    Args:
        url: The WebSocket URL to begin with.
        api: The base URL of the HTTP API there; None to look for no other region.

    Attributes:
        url: Where to connect now.
    """

    def __init__(self, url: str, api: str | None) -> None:
        self.url = url
        self._looks = api is not None
        self._apis: dict[str, str | None] = {url: api}  # by URL, the best first
        self._names: dict[str, str] = {}  # by URL
        self._failures = 0
        self._failed: set[str] = set()  # since the last connection that worked
        self._back: str | None = None  # where to return if a directed attempt fails

    @property
    def known(self) -> list[str]:
        """The URLs of all regions that are known, the best first."""
        return list(self._apis)

    @property
    def names(self) -> list[str]:
        """The regions' names, in the order of `known`; "" before an API has told it."""
        return [self._names.get(url, "") for url in self._apis]

    def asks(self) -> list[str]:
        """The APIs to ask for the regions: that of the present one last, as it may be away."""
        known = [api for url, api in self._apis.items() if url != self.url]
        return list(dict.fromkeys(api for api in [*known, self._apis.get(self.url)] if api))

    def learn(self, answer: Any) -> bool:
        """Take note of an answer of `GET /v1/endpoint`; False if it cannot be read."""
        return bool(self._read(answer))

    def direct(self, url: str) -> None:
        """The server, or the user, has named the place for the next connection."""
        self._back, self.url, self._failures = self.url, url, 0
        if self._looks:
            self._apis.setdefault(url, api_of(url))

    def opened(self) -> None:
        """A connection works."""
        self._failures, self._back = 0, None
        self._failed.clear()

    def failed(self) -> bool:
        """An attempt did not lead to a connection that works; whether to look for a region now."""
        if self._back is not None:
            self.url, self._back = self._back, None
            return False
        self._failures += 1
        return self._looks and self._failures % _FAILURES == 0

    def move(self, answer: Any) -> None:
        """Choose the next place.

        Args:
            answer: Of `GET /v1/endpoint`; None if nobody answered.
        """
        places = self._read(answer) or list(self._apis)
        self._failed.add(self.url)
        options = [url for url in places if url not in self._failed]
        if not options:
            self._failed.clear()
            options = [url for url in places if url != self.url] or [self.url]
        self.url = options[0]

    def _read(self, answer: Any) -> list[str]:
        """The URLs of the healthy regions in an answer; none if it cannot be read.

        All regions in it are known from now on.
        """
        try:
            healthy = [answer, *answer["fallbacks"]]
            found, names = dict[str, str | None](), dict[str, str]()
            for each in [*healthy, *answer.get("unhealthy", [])]:
                # Several regions may share a host: the healthy one answers there.
                found.setdefault(str(each["url"]), str(each["api"]))
                names.setdefault(str(each["url"]), str(each.get("region", "")))
        except (KeyError, TypeError):
            return []
        earlier = {url: api for url, api in self._apis.items() if url not in found}
        self._apis = {**found, **earlier}
        self._names |= names
        return [str(each["url"]) for each in healthy]


def api_of(url: str) -> str:
    """The base URL of an HTTP API that has the same host as a WebSocket URL."""
    parts = urlsplit(url)
    return f"{parts.scheme.replace('ws', 'http', 1)}://{parts.netloc}"


def endpoint(text: Any, home: str) -> str | None:
    """The endpoint that a `reconnect` names; one without a path gets the path of `home`."""
    try:
        url = address(str(text))
    except ActionError:
        return None
    parts = urlsplit(url)
    return url if parts.path.strip("/") else parts._replace(path=urlsplit(home).path).geturl()
