"""What the local stack logs, one line an event: for people, or as JSON like on AWS."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

Format = Literal["text", "json"]
# The product's own logger, and those of the workbench. `tidings` is Chalice's, which sets its level
# and its handlers whenever app.py is run.
_WORKBENCH = ("tidings.stack", "tidings.deploy")
_LOGGERS = ("chalicelib", *_WORKBENCH)
_COLOURS = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}


def configure(format: Format, stream: TextIO | None = None, region: str = "") -> None:
    """Send all lines to `stream`, standard error by default; in colour on a terminal.

    With several regions, lines of text begin with their `region`.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _Json() if format == "json" else _Text(colour=stream.isatty(), region=region)
    )
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    # Whatever level a library gave to the root logger.
    for name in _WORKBENCH:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Text(logging.Formatter):
    """`12:03:44 INFO    delivered room_id=lobby posts=2`, and a traceback below."""

    def __init__(self, *, colour: bool, region: str = "") -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._colour = colour
        self._head = [self._painted(region, "35")] if region else []

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        event = str(fields.pop("event"))
        level = self._painted(record.levelname.ljust(7), _COLOURS.get(record.levelname, "0"))
        pairs = [
            f"{self._painted(name, '2')}={_value(value)}"
            for name, value in fields.items()
            if name not in ("level", "_aws")  # _aws is for CloudWatch
        ]
        time = self.formatTime(record, self.datefmt)
        line = " ".join([*self._head, time, level, event, *pairs])
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text


class _Json(logging.Formatter):
    """The product's lines as they are, others in the same shape."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Those of a line of `chalicelib.kernel.telemetry`, which is a JSON object with an event."""
    text = record.getMessage()
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if isinstance(fields, Mapping) and "event" in fields:
        return dict(fields)
    return {"level": record.levelname, "event": text}


def _value(value: Any) -> str:
    """Unquoted where that is unmistakable; control characters never reach the terminal."""
    if isinstance(value, str):
        plain = value.isprintable() and value and not set(value) & set(' "=')
        return value if plain else json.dumps(value)
    return json.dumps(value, default=str)
