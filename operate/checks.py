"""The result of a check: what was found, whether it is well, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

# `blocking` ends a deployment before anything changes; `fault` is one of what runs.
Result = Literal["ok", "warning", "blocking", "fault"]


@dataclass(frozen=True, slots=True)
class Check:
    """A check and its result.

    Attributes:
        name: The same in every run, for programs.
        found: What is so, in a sentence.
        remedy: What to do about it; "" if nothing.
        guide: The section that says more, as a path from the top of the repository.
        took_ms: Of a proof, its time.
    """

    name: str
    result: Result
    found: str
    remedy: str = ""
    guide: str = ""
    took_ms: int | None = None

    @property
    def well(self) -> bool:
        """Whether nothing is broken; a warning is well."""
        return self.result in ("ok", "warning")

    def as_data(self) -> dict[str, Any]:
        """As JSON, without the fields that it does not have."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}


def problems(checks: Iterable[Check]) -> str:
    """What is not well, one paragraph a check."""
    return "\n".join(_sentence(each) for each in checks if not each.well)


def _sentence(check: Check) -> str:
    parts = [f"{check.name}: {check.found}", check.remedy, check.guide and f"See {check.guide}"]
    return ". ".join(filter(None, parts))
