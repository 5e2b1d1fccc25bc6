"""Latencies from a file: distributions through published quantiles, and CPU times."""

from __future__ import annotations

import itertools
import math
import random
import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

FILE = Path(__file__).with_name("latencies.toml")
ASSUMED = "assumed"
# What a file must have.
CALLS = (
    "frame_in", "answer_out", "cold_start", "dynamodb_read", "dynamodb_query", "dynamodb_write",
    "dynamodb_transact", "dynamodb_transact_many", "redis", "queue_send", "fifo_receive",
    "fifo_next", "standard_receive", "stream", "post",
)  # fmt: skip
CPU = ("frame", "dynamodb", "queue", "redis", "post", "boto3", "boto3_post")
_QUANTILE = re.compile(r"p(\d\d)_ms")
_WHOLE_VCPU_MB = 1769


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution, and where its figures are from.

    Attributes:
        quantiles: Milliseconds by probability.
        source: Who has published it; `ASSUMED` if nobody has.
        points: The quantiles as (standard normal deviate, logarithm of milliseconds).
        tail: The slope between the median and the 99th percentile, which holds beyond the latter.
    """

    what: str
    quantiles: Mapping[float, float]
    source: str
    page: str
    date: str
    note: str
    points: tuple[tuple[float, float], ...]
    tail: float

    def at(self, z: float) -> float:
        """Milliseconds at a standard normal deviate: 0 is the median."""
        number = bisect_left(self.points, (z, -math.inf))
        if number == len(self.points):
            last, log_ms = self.points[-1]
            return math.exp(log_ms + (z - last) * self.tail)
        (z0, y0), (z1, y1) = self.points[max(0, number - 1)], self.points[max(1, number)]
        return math.exp(y0 + (z - z0) * (y1 - y0) / (z1 - z0))

    def draw_us(self, chance: random.Random) -> int:
        """Draw microseconds."""
        return round(1000 * self.at(chance.gauss(0, 1)))


@dataclass(frozen=True, slots=True)
class Latencies:
    """A file of latencies.

    Attributes:
        cold_share: The part of invocations that start a new environment.
        cpu_us: CPU time at one vCPU, by what is done; names of `CPU`.
    """

    as_of: str
    calls: Mapping[str, Latency]
    cpu_us: Mapping[str, float]
    cold_share: float


def fit(quantiles: Mapping[float, float]) -> tuple[tuple[tuple[float, float], ...], float]:
    """The points and the tail's slope of a `Latency`.

    Raises:
        ValueError: The median or the 99th percentile is missing, or the quantiles do not rise.
    """
    if not {0.5, 0.99} <= set(quantiles):
        raise ValueError("give p50_ms and p99_ms")
    ordered = sorted(quantiles.items())
    values = [ms for _, ms in ordered]
    if values[0] <= 0 or any(high < low for low, high in itertools.pairwise(values)):
        raise ValueError("quantiles must be above 0 and rise")
    normal = NormalDist()
    points = tuple((normal.inv_cdf(part), math.log(ms)) for part, ms in ordered)
    tail = math.log(quantiles[0.99] / quantiles[0.5]) / normal.inv_cdf(0.99)
    return points, tail


def load(path: Path = FILE) -> Latencies:
    """Read a file.

    Raises:
        ValueError: It is not TOML, or something is missing or wrong; the message says what.
    """
    given = tomllib.loads(path.read_text())
    calls, cpu_us = given.get("calls", {}), given.get("cpu_us", {})
    for kind, names, found in (("calls", CALLS, calls), ("cpu_us", CPU, cpu_us)):
        if set(names) != set(found):
            wrong = ", ".join(sorted(set(names) ^ set(found)))
            raise ValueError(f"{path.name}: [{kind}] lacks these, or has them too much: {wrong}")
    share = given.get("cold_share", -1)
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ValueError(f"{path.name}: cold_share must be between 0 and 1")
    return Latencies(
        as_of=str(given.get("as_of", "")),
        calls={name: _latency(f"{path.name}: {name}", calls[name]) for name in CALLS},
        cpu_us={name: float(us) for name, us in cpu_us.items()},
        cold_share=float(share),
    )


def cpu_share(memory_mb: int) -> float:
    """The part of a vCPU that a function with this memory has; a thread has one at most."""
    return min(1.0, memory_mb / _WHOLE_VCPU_MB)


def _latency(where: str, given: Mapping[str, Any]) -> Latency:
    quantiles = {
        int(found[1]) / 100: float(value)
        for name, value in given.items()
        if (found := _QUANTILE.fullmatch(name))
    }
    try:
        points, tail = fit(quantiles)
    except ValueError as fault:
        raise ValueError(f"{where}: {fault}") from None
    texts = {name: str(given.get(name, "")) for name in ("what", "source", "page", "date", "note")}
    if not texts["source"]:
        raise ValueError(f'{where}: give its source, "{ASSUMED}" if there is none')
    return Latency(quantiles=quantiles, points=points, tail=tail, **texts)
