"""The invoker of a stack: it lets the pumps look after each invocation, and fails on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.gateway import FunctionError, Invoker
from workbench.gateway.faults import Faults, Kind, Service

from .pumps import QueuePump
from .stats import MessageRate


class Nudging:
    """An invoker after whose invocations the pumps look at once: they may have sent something.

    Args:
        pumps: May be filled later.
        faults: What invocations suffer, on request.
    """

    def __init__(
        self,
        functions: Invoker,
        pumps: Sequence[QueuePump],
        rate: MessageRate,
        faults: Faults | None = None,
    ) -> None:
        self._functions = functions
        self._pumps = pumps
        self._rate = rate
        self._faults = faults

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        """See `workbench.gateway.Invoker`."""
        struck = await self._faults.strike(Service.FUNCTIONS) if self._faults else None
        if struck is not None and struck is not Kind.CUT:
            raise FunctionError("TooManyRequestsException", "Rate Exceeded.")
        self._rate.note(function, event)
        try:
            answer = await self._functions.invoke(function, event, timeout_s)
        finally:
            for pump in self._pumps:
                pump.nudge()
        if struck is Kind.CUT:
            raise FunctionError("Runtime.ExitError", "Runtime exited")
        return answer
