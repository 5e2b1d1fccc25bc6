"""What the local stack logs, one line an event: for people, or as JSON like on AWS."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal, TextIO

from operate.logs import lines

Format = Literal["text", "json"]
# The product's own logger, and those of the workbench. `tidings` is Chalice's, which sets its level
# and its handlers whenever app.py is run.
_WORKBENCH = ("tidings.stack", "tidings.deploy")
_LOGGERS = ("chalicelib", *_WORKBENCH)
_MOST_BYTES = 10_000_000  # of a file; there are two


def file(home: Path, region: str) -> Path:
    """Where the lines of a region's stack are kept."""
    return home / "logs" / f"{region}.jsonl"


def configure(
    format: Format, stream: TextIO | None = None, region: str = "", keep: Path | None = None
) -> None:
    """Send all lines to `stream`, standard error by default; in colour on a terminal.

    With several regions, lines of text begin with their `region`. `keep` is a file that has the
    last ones, too, for `tidings logs`.
    """
    stream = stream or sys.stderr
    handler: logging.Handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _Json() if format == "json" else _Text(colour=stream.isatty(), region=region)
    )
    handlers = [handler, *(_kept(keep) if keep is not None else ())]
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = handlers
        logger.propagate = False
    # Whatever level a library gave to the root logger.
    for name in _WORKBENCH:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Text(logging.Formatter):
    """As `operate.logs.lines` shows it, and a traceback below."""

    def __init__(self, *, colour: bool, region: str = "") -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._colour = colour
        self._head = lines.painted(region, "35", colour) if region else ""

    def format(self, record: logging.LogRecord) -> str:
        clock = self.formatTime(record, self.datefmt)
        line = lines.text(clock, _fields(record), colour=self._colour, head=self._head)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _kept(path: Path) -> Iterator[logging.Handler]:
    """Only their user may read them: they have ids of users."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return  # `running.claim` says that nothing can be written there, and ends the start
    handler.setFormatter(_Timed())
    yield handler


class _Json(logging.Formatter):
    """The product's lines as they are, others in the same shape."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class _Timed(_Json):
    """With the time, which CloudWatch adds on AWS."""

    def format(self, record: logging.LogRecord) -> str:
        fields = json.loads(super().format(record))
        return json.dumps({"time": lines.iso(int(record.created * 1000)), **fields})


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
