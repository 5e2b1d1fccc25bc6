"""The log groups of a deployment's functions, in CloudWatch."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .lines import Line, Wanted, parsed

# A connection lives for two hours at most, so it was opened within this time before its lines.
_LIFE_MS = 2 * 3_600_000 + 60_000
_MOST = 10_000  # lines of a group in one call
_LATE_MS = 30_000  # CloudWatch may show a line so long after its time
_MOST_CONNECTIONS = 40  # of a user: a pattern has 1,024 characters


class Groups:
    """Lines of a deployment's functions, in the order of their times.

    Args:
        functions: Short names; those without a log group have no lines.
        access: Also those that API Gateway writes of each request and frame.
    """

    def __init__(
        self, logs: Any, name: str, functions: Collection[str], *, access: bool = False
    ) -> None:
        self._logs = logs
        prefix = f"/aws/lambda/{name}-"
        wanted = {prefix + each for each in functions}
        self._groups = sorted(wanted & set(self._names(prefix)))
        if access:
            self._groups += self._names(f"/aws/vendedlogs/apigateway/{name}/")
        self._seen: set[str] = set()
        self._from_ms: int | None = None
        self.cut = False

    def _names(self, prefix: str) -> list[str]:
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        return [each["logGroupName"] for page in pages for each in page["logGroups"]]

    def new(self, wanted: Wanted, since_ms: int, until_ms: int) -> list[Line]:
        """The wanted lines from `since_ms` on that no call has returned."""
        if wanted.user:
            self._learn(wanted, since_ms, until_ms)
        begin_ms = since_ms if self._from_ms is None else self._from_ms
        found: list[tuple[str, Line]] = []
        for group in self._groups:
            found += self._read(group, wanted.pattern(), begin_ms, until_ms)
        self._from_ms = max(since_ms, until_ms - _LATE_MS)
        fresh = [line for event, line in found if event not in self._seen and wanted.takes(line)]
        self._seen = {event for event, line in found if line.at_ms >= self._from_ms}
        return sorted(fresh, key=lambda line: line.at_ms)

    def _learn(self, wanted: Wanted, since_ms: int, until_ms: int) -> None:
        """Which connections are the user's."""
        naming = Wanted(user=wanted.user, event="connected")
        for group in self._groups:
            for _, line in self._read(group, naming.pattern(), since_ms - _LIFE_MS, until_ms):
                naming.takes(line)
        wanted.connections |= set(sorted(naming.connections)[-_MOST_CONNECTIONS:])

    def _read(
        self, group: str, pattern: str, begin_ms: int, until_ms: int
    ) -> list[tuple[str, Line]]:
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=max(0, begin_ms),
            endTime=until_ms + 1,
            PaginationConfig={"MaxItems": _MOST},
            **({"filterPattern": pattern} if pattern else {}),
        )
        found = [
            (str(each["eventId"]), parsed(each["message"], int(each["timestamp"])))
            for page in pages
            for each in page["events"]
        ]
        self.cut |= len(found) >= _MOST
        return found
