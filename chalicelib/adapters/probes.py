"""Calls that find out whether what the region needs is there, bounded in time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ..kernel import telemetry
from ..kernel.errors import Unavailable
from .apigateway.poster import ApiGatewayPoster
from .system import in_background, monotonic_s

_WITHIN_S, _FIRST_WITHIN_S = 1.0, 4.0


class SystemProbes:
    """See `ports.Probes`. Each call has a thread, which is left behind if it hangs.

    Args:
        within_s: Seconds for all calls, and for the first ones.
    """

    def __init__(
        self,
        poster: ApiGatewayPoster,
        within_s: float = _WITHIN_S,
        first_within_s: float = _FIRST_WITHIN_S,
    ) -> None:
        self._poster = poster
        self._within_s = within_s
        self._next_within_s = first_within_s
        self._running: dict[str, threading.Thread] = {}

    def answering(self, calls: Mapping[str, Callable[[], object]]) -> dict[str, bool]:
        answered: dict[str, bool] = {}
        until_s, self._next_within_s = monotonic_s() + self._next_within_s, self._within_s
        begun = [name for name, call in calls.items() if self._begin(name, call, answered)]
        for name in begun:
            self._running[name].join(max(0.0, until_s - monotonic_s()))
        in_time = dict(answered)
        return {name: name in begun and in_time.get(name, False) for name in calls}

    def ask_connections(self, api_id: str, stage: str) -> None:
        if not self._poster.reaches(api_id, stage):
            raise Unavailable(f"@connections of {api_id} did not answer")

    def _begin(self, name: str, call: Callable[[], object], answered: dict[str, bool]) -> bool:
        """Start a call, unless an earlier one of its name still hangs."""
        running = self._running.get(name)
        if running is not None and running.is_alive():
            telemetry.log("WARNING", "probe_hangs", name=name)
            return False

        def probe() -> None:
            try:
                call()
                answered[name] = True
            except Exception as fault:  # noqa: BLE001 - any failure means that it is not there
                telemetry.error("probe_failed", fault, name=name)

        self._running[name] = in_background(probe)
        return True
