"""A log line, which lines are wanted, and how a line is shown. Pure.

docs/reference/logs.md has the fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_COLOURS = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
_TIME = "time"


@dataclass(frozen=True, slots=True)
class Line:
    """A line and when it was written.

    Attributes:
        fields: Those of its JSON object; of a line that is none, only `event`, its text.
    """

    at_ms: int
    fields: Mapping[str, Any]

    def as_json(self) -> str:
        return json.dumps({_TIME: iso(self.at_ms), **self.fields}, default=str)


@dataclass(slots=True)
class Wanted:
    """Which lines are wanted: all that have every value that is given.

    Only a few lines name their user: those of that user's connections are wanted, too, as far as
    `takes` has seen, or `connections` has, which are whose.

    Attributes:
        level: The least one.
        connections: Known to be the user's.
    """

    request: str = ""
    connection: str = ""
    user: str = ""
    room: str = ""
    event: str = ""
    level: str = "DEBUG"
    connections: set[str] = field(default_factory=set)

    def takes(self, line: Line) -> bool:
        """Whether it is wanted; learns whose connections are whose."""
        fields = line.fields
        if self.user and fields.get("user_id") == self.user and "connection_id" in fields:
            self.connections.add(str(fields["connection_id"]))
        return (
            _same(self.request, fields.get("request_id"))
            and _same(self.connection, fields.get("connection_id"))
            and _same(self.room, fields.get("room_id"))
            and _same(self.event, fields.get("event"))
            and self._is_the_user_s(fields)
            and self._is_serious(fields)
        )

    def pattern(self) -> str:
        """The same for CloudWatch, as far as it can say it; "" for everything.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
        """
        pairs = {
            "request_id": self.request,
            "connection_id": self.connection,
            "room_id": self.room,
            "event": self.event,
        }
        conditions = [f"$.{name} = {json.dumps(value)}" for name, value in pairs.items() if value]
        if self.user:
            whose = [f"$.connection_id = {json.dumps(each)}" for each in sorted(self.connections)]
            conditions.append(" || ".join([f"$.user_id = {json.dumps(self.user)}", *whose]))
        if self.level != LEVELS[0]:
            serious = LEVELS[LEVELS.index(self.level) :]
            conditions.append(" || ".join(f'$.level = "{each}"' for each in serious))
        if not conditions:
            return ""
        return "{ " + " && ".join(f"({each})" for each in conditions) + " }"

    def _is_the_user_s(self, fields: Mapping[str, Any]) -> bool:
        if not self.user or fields.get("user_id") == self.user:
            return True
        return "connection_id" in fields and fields["connection_id"] in self.connections

    def _is_serious(self, fields: Mapping[str, Any]) -> bool:
        level = fields.get("level", "INFO")
        return level not in LEVELS or LEVELS.index(level) >= LEVELS.index(self.level)


def parsed(text: str, at_ms: int) -> Line:
    """A line of this text; the time that a local stack writes into it counts."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return Line(at_ms, {"event": text.rstrip("\n")})
    written = fields.pop(_TIME, None)
    if isinstance(written, str):
        try:
            at_ms = int(datetime.fromisoformat(written).timestamp() * 1000)
        except ValueError:
            fields[_TIME] = written
    return Line(at_ms, fields)


def iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(clock: str, fields: Mapping[str, Any], *, colour: bool, head: str = "") -> str:
    """`12:03:44 INFO    delivered room_id=lobby posts=2`."""
    level = str(fields.get("level", ""))
    pairs = [
        f"{painted(name, '2', colour)}={_value(value)}"
        for name, value in fields.items()
        if name not in ("level", "event", "_aws", "traceback")  # _aws is for CloudWatch
    ]
    shown = painted(level.ljust(7), _COLOURS.get(level, "0"), colour)
    event = fields.get("event", "")
    return " ".join([*([head] if head else []), clock, shown, str(event), *pairs])


def painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def _same(wanted: str, value: object) -> bool:
    return not wanted or value == wanted


def _value(value: Any) -> str:
    """Unquoted where that is unmistakable; control characters never reach the terminal."""
    if isinstance(value, str):
        plain = value.isprintable() and value and not set(value) & set(' "=')
        return value if plain else json.dumps(value)
    return json.dumps(value, default=str)
