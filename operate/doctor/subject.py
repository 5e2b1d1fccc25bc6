"""What the doctor examines, and the words it finds for what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operate import resources, triggers
from operate.checks import Check

GUIDE = "docs/how-to/operate.md"
APP = Path(__file__).resolve().parents[2] / "app.py"


@dataclass(frozen=True, slots=True)
class Subject:
    """A deployment in one region, or a local stack.

    Attributes:
        name: The prefix of all names.
        client: Returns a client of an AWS service.
        deployed: Whether functions, schedules and alarms are AWS's (or an emulator's). In a local
            stack the handlers run in its process.
        several: Whether it is one of several regions.
        functions, schedules: Short names of the functions that must be there, and of those that a
            schedule calls.
    """

    name: str
    region: str
    client: Callable[[str], Any]
    deployed: bool
    several: bool = False
    functions: frozenset[str] = frozenset()
    schedules: frozenset[str] = frozenset()

    def tables(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = resources.load()["tables"]
        return found

    def full(self, short: str) -> str:
        return f"{self.name}-{short}"


def of_deployment(name: str, region: str, client: Callable[[str], Any]) -> Subject:
    """A deployment of this checkout's functions."""
    found = triggers.load(APP)
    queues = resources.load()["queues"]
    crossing = {each for each, queue in queues.items() if queue.get("between_regions")}
    several = _several(name, client)
    absent = {each.function for each in found.queues if each.queue in crossing and not several}
    return Subject(
        name,
        region,
        client,
        deployed=True,
        several=several,
        functions=frozenset(found.functions - absent),
        schedules=frozenset(each.function for each in found.schedules),
    )


def of_local_stack(name: str, region: str, client: Callable[[str], Any]) -> Subject:
    return Subject(name, region, client, deployed=False, several=_several(name, client))


def _several(name: str, client: Callable[[str], Any]) -> bool:
    """Whether it has a queue for what crosses regions."""
    return bool(client("sqs").list_queues(QueueNamePrefix=f"{name}-inbox").get("QueueUrls"))


def fault(name: str, found: str, remedy: str, section: str) -> Check:
    """A fault, with the section of the operator's guide."""
    return Check(name, "fault", found, remedy, f"{GUIDE}#{section}")


def warning(name: str, found: str, remedy: str, section: str) -> Check:
    return Check(name, "warning", found, remedy, f"{GUIDE}#{section}")


def well(name: str, found: str, problems: Iterable[Check]) -> list[Check]:
    """The problems; without one, that there is none."""
    return list(problems) or [Check(name, "ok", found)]
