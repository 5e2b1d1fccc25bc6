"""The triggers of the functions, read from app.py's decorators, their only definition.

The local stack starts its pumps and schedules from them; `tidings package` compares them with
Chalice's output for Terraform.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HTTP_FUNCTION = "api_handler"  # Chalice's name for the function of all routes
_UNIT_S = {"minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """An event source mapping; `queue` is the short name from terraform/resources.json."""

    function: str
    queue: str
    batch_size: int


@dataclass(frozen=True, slots=True)
class StreamTrigger:
    """Event source mappings of the streams of `messages`, and with several regions of all tables
    that are `carried`. terraform/resources.json says which these are.
    """

    function: str
    batch_size: int


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """A function called every `every_s` seconds."""

    function: str
    every_s: int


@dataclass(frozen=True, slots=True)
class Triggers:
    """All triggers of an app.

    Attributes:
        websocket: Functions by WebSocket route key.
        routes: (method, path) of the HTTP API.
    """

    websocket: dict[str, str]
    queues: tuple[QueueTrigger, ...]
    schedules: tuple[ScheduleTrigger, ...]
    routes: frozenset[tuple[str, str]]
    streams: tuple[StreamTrigger, ...] = ()

    @property
    def functions(self) -> set[str]:
        """The names of all functions."""
        return {HTTP_FUNCTION, *self.websocket.values()} | self.background

    @property
    def background(self) -> set[str]:
        """Functions whose callers do not wait for them."""
        triggers: list[QueueTrigger | StreamTrigger | ScheduleTrigger] = []
        triggers += [*self.queues, *self.streams, *self.schedules]
        return {each.function for each in triggers}


def load(app_path: Path) -> Triggers:
    """The triggers of an app.py, which is run as a separate module."""
    spec = importlib.util.spec_from_file_location("tidings_triggers", app_path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(app_path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return of(module.app)


def of(app: Any) -> Triggers:
    """The triggers of a Chalice app.

    Raises:
        ValueError: It has a trigger that Tidings cannot deploy.
    """
    queues, streams, schedules = [], [], []
    carried = f"table/{app.app_name}-global"  # stands for the stream of each table
    for source in app.event_sources:
        if hasattr(source, "queue") and source.queue:
            queue = _short(source.queue, app.app_name)
            queues.append(QueueTrigger(source.name, queue, source.batch_size))
        elif getattr(source, "stream_arn", "").endswith(carried):
            streams.append(StreamTrigger(source.name, source.batch_size))
        elif hasattr(source, "schedule_expression"):
            schedules.append(ScheduleTrigger(source.name, every_s(source.schedule_expression)))
        else:
            raise ValueError(
                f"{source.name}: only triggers by queue name, {carried} or rate can be deployed"
            )
    return Triggers(
        {key: handler.name for key, handler in app.websocket_handlers.items()},
        tuple(queues),
        tuple(schedules),
        frozenset((method, path) for path, by in app.routes.items() for method in by),
        tuple(streams),
    )


def every_s(expression: Any) -> int:
    """The seconds in `rate(…)`, as Chalice's object or as EventBridge writes it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
    """
    text = expression if isinstance(expression, str) else expression.to_string()
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", text)
    if found is None:
        raise ValueError(f"{text}: not a rate")
    return int(found[1]) * _UNIT_S[found[2]]


def _short(queue: str, app_name: str) -> str:
    prefix = f"{app_name}-"
    if not queue.startswith(prefix):
        raise ValueError(f"queue {queue}: its name does not begin with {prefix}")
    return queue.removeprefix(prefix).removesuffix(".fifo")
