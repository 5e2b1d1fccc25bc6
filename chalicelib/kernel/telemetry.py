"""Structured logs: one JSON object per line, never a payload or a token.

Only fields that a caller names are written, and only of simple types, so that nothing else can
leak. An invocation writes one line when it ends, with its ids, what it did and its metrics; if it
did several things, each has a line. Warnings and errors have lines of their own, at once.
docs/reference/logs.md has the fields.
"""

from __future__ import annotations

import contextvars
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

_bound: contextvars.ContextVar[dict[str, object]] = contextvars.ContextVar("bound", default={})  # noqa: B039
_line: contextvars.ContextVar[_Line | None] = contextvars.ContextVar("line", default=None)
_MOST_VALUES = 100  # of a metric in a line, by the embedded metric format
_namespace = "WeChat/WebSocket"
_log = logging.getLogger("chalicelib")  # Chalice owns the app's name
_cold = True  # until the process's first invocation


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


@contextmanager
def invocation(now_ms: Callable[[], int], event: str, **ids: object) -> Iterator[None]:
    """Write one line when the block ends: `event` or what was noted, ids, metrics, duration.

    If an exception passes, the last line is the error `invocation_failed`, with its class and
    place. If the process is killed before the end, the line and its metrics are lost.
    """
    global _cold
    begun_ms, cold, _cold = now_ms(), _cold, False
    with context(**ids):
        line = _Line(event)
        token = _line.set(line)
        level = "INFO"
        try:
            yield
        except BaseException as fault:
            level = "ERROR"
            line.note("invocation_failed", _described(fault))
            raise
        finally:
            _line.reset(token)
            ended_ms = now_ms()
            own = {"cold": True} if cold else {}
            line.end(level, ended_ms, {**own, "took_ms": ended_ms - begun_ms})


def note(event: str, **fields: str | int | float | bool | None) -> None:
    """Say what the invocation does: the event and the fields of its line.

    A further note of an invocation begins a new line; the metrics will be in the last one.
    """
    line = _line.get()
    if line is None or not line.note(event, fields):
        log("INFO", event, **fields)


def measure(event: str, at_ms: int, **values: int) -> None:
    """Add values to the line of the invocation, which also become CloudWatch metrics.

    Counts of an invocation are added up, and those of 0 are left out. Outside an invocation, the
    line has this event. Names that end in `_ms` are in milliseconds, all others are counts. No
    call leaves the process: CloudWatch Logs reads the embedded metric format.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    line = _line.get()
    if line is None or not line.measure(values, at_ms):
        _write("INFO", event, _embedded({name: [value] for name, value in values.items()}, at_ms))


class _Line:
    """What an invocation's next line will have. Threads of the invocation share it."""

    def __init__(self, event: str) -> None:
        self._lock = threading.Lock()
        self._event = event
        self._noted: Mapping[str, object] | None = None  # the fields, if there was a note
        self._values: dict[str, list[int]] = {}
        self._ended = False

    def note(self, event: str, fields: Mapping[str, object]) -> bool:
        """Write what was noted before. False if the last line has been written."""
        with self._lock:
            if self._ended:
                return False
            earlier, before = self._event, self._noted
            self._event, self._noted = event, fields
        if before is not None:
            _write("INFO", earlier, before)
        return True

    def measure(self, values: Mapping[str, int], at_ms: int) -> bool:
        """False if the last line has been written."""
        with self._lock:
            if self._ended:
                return False
            for name, value in values.items():
                if name.endswith("_ms"):
                    self._values.setdefault(name, []).append(value)
                elif value:
                    self._values[name] = [sum(self._values.get(name, ())) + value]
            if max(map(len, self._values.values()), default=0) < _MOST_VALUES:
                return True
            full, self._values = self._values, {}
        _write("INFO", self._event, _embedded(full, at_ms))
        return True

    def end(self, level: str, at_ms: int, fields: Mapping[str, object]) -> None:
        """Write the last line."""
        with self._lock:
            self._ended = True
        metrics = _embedded(self._values, at_ms)
        _write(level, self._event, {**(self._noted or {}), **fields, **metrics})


def _embedded(values: Mapping[str, list[int]], at_ms: int) -> dict[str, object]:
    """The values as fields, and the directive that makes metrics of them."""
    if not values:
        return {}
    units = [
        {"Name": name, "Unit": "Milliseconds" if name.endswith("_ms") else "Count"}
        for name in values
    ]
    directive = {"Namespace": _namespace, "Dimensions": [[]], "Metrics": units}
    fields = {name: each[0] if len(each) == 1 else each for name, each in values.items()}
    return {**fields, "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}}


def error(event: str, exception: BaseException, **fields: str | int | float | bool | None) -> None:
    """Log an unexpected exception: its class and place, not its message (it may quote input)."""
    log("ERROR", event, **_described(exception), **fields)


def _described(exception: BaseException) -> dict[str, str]:
    return {"error": type(exception).__name__, "place": _place(exception)}


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
        _log.log(number, json.dumps(line, default=str, separators=(",", ":")))


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
    # Lambda's JSON format sets the root logger to INFO, and botocore then tells of its credentials.
    logging.getLogger("botocore").setLevel(logging.WARNING)
