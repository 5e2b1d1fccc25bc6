"""A drill's course as numbers over time, for each region. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .history import (
    Acked,
    Client,
    Connected,
    Cut,
    Disconnected,
    Event,
    Failed,
    History,
    Refusal,
    Seen,
)

_MOST_BINS = 150
RATES: Mapping[str, tuple[type[Event], ...]] = {
    "sends acked": (Acked,),
    "messages shown": (Seen,),
    "refusals and failures": (Refusal, Failed),
}


@dataclass(frozen=True, slots=True)
class Timelines:
    """Attributes:
    end_s: The last event's time.
    bin_s: The width of a bin of `rates`.
    connected: By region: (time, clients that are connected from then on).
    rates: By name of a rate, by region: events a second in each bin.
    """

    end_s: float
    bin_s: float
    connected: Mapping[str, tuple[tuple[float, int], ...]]
    rates: Mapping[str, Mapping[str, tuple[float, ...]]]


def timelines(
    history: History, home: Mapping[Client, str], region_of: Mapping[str, str]
) -> Timelines:
    """The course of a drill.

    Args:
        home: The region that each client connected to first.
        region_of: The region of each host; a client at an unknown one is counted at home.
    """
    regions = tuple(dict.fromkeys(home.values()))
    end_s = max((event.at_s for event in history.events), default=0.0) or 1.0
    bin_s = max(1.0, end_s / _MOST_BINS)
    bins = int(end_s / bin_s) + 1
    counts = {name: {region: [0] * bins for region in regions} for name in RATES}
    at: dict[Client, str] = {}  # the region of those who are connected
    connected: dict[str, list[tuple[float, int]]] = {region: [(0.0, 0)] for region in regions}
    for event, region in _placed(history, home, region_of):
        for name, kinds in RATES.items():
            if isinstance(event, kinds):
                counts[name][region][int(event.at_s / bin_s)] += 1
        if isinstance(event, Connected):
            at[event.client] = region
        elif isinstance(event, Disconnected):
            at.pop(event.client, None)
        else:
            continue
        for each in regions:
            number = sum(there == each for there in at.values())
            if number != connected[each][-1][1]:
                connected[each].append((event.at_s, number))
    return Timelines(
        end_s,
        bin_s,
        {region: tuple(points) for region, points in connected.items()},
        {
            name: {region: tuple(n / bin_s for n in found) for region, found in each.items()}
            for name, each in counts.items()
        },
    )


def _placed(
    history: History, home: Mapping[Client, str], region_of: Mapping[str, str]
) -> Iterator[tuple[Event, str]]:
    """Each event of a client with the region that it was connected to last."""
    now = dict(home)
    for event in history.events:
        if isinstance(event, Cut) or (client := event.client) not in home:
            continue
        if isinstance(event, Connected):
            now[client] = region_of.get(event.host, home[client])
        yield event, now[client]
