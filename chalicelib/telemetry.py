"""Structured logs: one JSON object a line, never a payload or a token.

Only named fields are written, and only of simple types: what is not named here by a caller
cannot leak. Request and connection ids are bound once per invocation.
"""

from __future__ import annotations

import contextvars
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_bound: contextvars.ContextVar[dict[str, object]] = contextvars.ContextVar("bound", default={})  # noqa: B039
_log = logging.getLogger("chalicelib")  # Chalice owns the app's name


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """Bind fields (request_id, connection_id, function …) to every line written inside."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def log(level: str, event: str, **fields: str | int | float | bool | None) -> None:
    """Write one line. `event` is a short constant; details are fields."""
    number = logging.getLevelName(level)
    if _log.isEnabledFor(number):
        line = {"level": level, "event": event, **_bound.get(), **fields}
        _log.log(number, json.dumps(line, default=str))


def error(event: str, exception: BaseException, **fields: str | int | float | bool | None) -> None:
    """Log a fault of ours: the class and the place, not the message (it may quote input)."""
    trace = exception.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = (
        f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""
    )
    log("ERROR", event, error=type(exception).__name__, place=place, **fields)


def configure(level: str) -> None:
    """Send lines to stderr as they are (Lambda puts them into CloudWatch Logs)."""
    if not _log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        _log.addHandler(handler)
        _log.propagate = False
    _log.setLevel(level)
