"""The figures that every drill has: how soon clients noticed, were back, and had everything. Pure.

All times count from the beginning of the faults unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .history import Client, Connected, Disconnected, History, Pushed, Refusal

_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in seconds, each list sorted; of the first two one for each client it happened to.

    Attributes:
        detect_s: Until a client noticed: its connection ended, or a call or an attempt failed.
        reconnect_s: Until a client that had lost its connection was connected again.
        outage_s: From each loss of a connection until its client was connected again.
        full_service_s: Until all of these clients were back, and everybody had seen all that was
            acked before the end of the faults. None if that never came.
        refusals: Calls and attempts to connect that were refused or not answered in time.
        duplicates: Pushes that came again, which clients drop.
        peak_connections_per_s: The most clients that connected within a second.
    """

    detect_s: tuple[float, ...]
    reconnect_s: tuple[float, ...]
    outage_s: tuple[float, ...]
    full_service_s: float | None
    refusals: int
    duplicates: int
    peak_connections_per_s: int

    def as_data(self) -> dict[str, float | None]:
        """For JSON; None where there is nothing to tell."""
        spreads = {"detect": self.detect_s, "reconnect": self.reconnect_s, "outage": self.outage_s}
        return {
            **{
                f"{name}_{which}_s": value
                for name, seconds in spreads.items()
                for which, value in spread(seconds).items()
            },
            "full_service_s": self.full_service_s,
            "refusals": self.refusals,
            "duplicates": self.duplicates,
            "peak_connections_per_s": self.peak_connections_per_s,
        }


def figures(
    history: History, began_s: float, healed_s: float, converged_s: float | None
) -> Figures:
    """The figures of a drill.

    Args:
        converged_s: Seconds from the end of the faults until everybody had seen what was acked
            before; None if one never did.
    """
    detected: dict[Client, float] = {}
    lost: dict[Client, float] = {}
    back: dict[Client, float] = {}
    without: dict[Client, float] = {}
    outages: list[float] = []
    for event in history.events:
        if event.at_s < began_s:
            continue
        if isinstance(event, Disconnected):
            lost.setdefault(event.client, event.at_s)
            without[event.client] = event.at_s
        if isinstance(event, Disconnected | Refusal):
            detected.setdefault(event.client, event.at_s - began_s)
        if isinstance(event, Connected) and event.client in lost:
            back.setdefault(event.client, event.at_s)
        if isinstance(event, Connected) and event.client in without:
            outages.append(event.at_s - without.pop(event.client))
    full_s = None
    if converged_s is not None and lost.keys() == back.keys():
        full_s = max(healed_s + converged_s, *back.values(), began_s) - began_s
    return Figures(
        detect_s=tuple(sorted(detected.values())),
        reconnect_s=tuple(sorted(at_s - began_s for at_s in back.values())),
        outage_s=tuple(sorted(outages)),
        full_service_s=full_s,
        refusals=sum(isinstance(e, Refusal) and e.at_s >= began_s for e in history.events),
        duplicates=_duplicates(history, began_s),
        peak_connections_per_s=_peak(history, began_s),
    )


def spread(seconds: Sequence[float]) -> Mapping[str, float | None]:
    """The median, the 99th percentile and the greatest of sorted times; None for none."""
    last = len(seconds) - 1
    if last < 0:
        return {"p50": None, "p99": None, "max": None}
    return {
        "p50": round(seconds[last // 2], 3),
        "p99": round(seconds[round(0.99 * last)], 3),
        "max": round(seconds[last], 3),
    }


def connected_at(history: History) -> Mapping[Client, str]:
    """The host at which each client is that is connected in the end."""
    at: dict[Client, str] = {}
    for event in history.events:
        if isinstance(event, Connected):
            at[event.client] = event.host
        elif isinstance(event, Disconnected):
            at.pop(event.client, None)
    return at


def _duplicates(history: History, from_s: float) -> int:
    seen: set[tuple[Client, str]] = set()
    again = 0
    for event in history.events:
        if isinstance(event, Pushed):
            push = (event.client, str(event.message_id))
            again += push in seen and event.at_s >= from_s
            seen.add(push)
    return again


def _peak(history: History, from_s: float) -> int:
    """The most connections within a second; both ends of the window are moments of one."""
    times = [e.at_s for e in history.events if isinstance(e, Connected) and e.at_s >= from_s]
    most, start = 0, 0
    for end, at_s in enumerate(times):
        while at_s - times[start] > _SECOND:
            start += 1
        most = max(most, end - start + 1)
    return most
