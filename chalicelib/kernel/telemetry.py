"""Structured logs: one JSON object per line, never a payload or a token.

Only fields that a caller names are written, and only of simple types, so that nothing else can
leak. Request and connection ids are bound once per invocation.
"""

from __future__ import annotations

import contextvars
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_bound: contextvars.ContextVar[dict[str, object]] = contextvars.ContextVar("bound", default={})  # noqa: B039
_namespace = "WeChat/WebSocket"
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
    _write(level, event, fields)


def measure(event: str, at_ms: int, **values: int) -> None:
    """Write a line whose values also become CloudWatch metrics, in the configured namespace.

    Names that end in `_ms` are in milliseconds, all others are counts. No call leaves the
    process: CloudWatch Logs reads the embedded metric format.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    units = [
        {"Name": name, "Unit": "Milliseconds" if name.endswith("_ms") else "Count"}
        for name in values
    ]
    directive = {"Namespace": _namespace, "Dimensions": [[]], "Metrics": units}
    embedded = {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}
    _write("INFO", event, {**values, "_aws": embedded})


def error(event: str, exception: BaseException, **fields: str | int | float | bool | None) -> None:
    """Log an unexpected exception: its class and place, not its message (it may quote input)."""
    log("ERROR", event, error=type(exception).__name__, place=_place(exception), **fields)


def reason(exception: BaseException) -> str:
    """A short description of an exception that reveals no content."""
    return f"{type(exception).__name__} at {_place(exception)}"


def _place(exception: BaseException) -> str:
    trace = exception.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"


def _write(level: str, event: str, fields: Mapping[str, object]) -> None:
    number = logging.getLevelName(level)
    if _log.isEnabledFor(number):
        line = {"level": level, "event": event, **_bound.get(), **fields}
        _log.log(number, json.dumps(line, default=str))


def configure(level: str, namespace: str) -> None:
    """Set the metrics' namespace, and write lines to stderr (on Lambda: to CloudWatch Logs)."""
    global _namespace
    _namespace = namespace
    if not _log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        _log.addHandler(handler)
        _log.propagate = False
    _log.setLevel(level)
