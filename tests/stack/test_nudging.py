"""Invocations of a region whose functions fail on request."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.gateway import FunctionError
from workbench.gateway.faults import Fault, Faults, Kind, Service
from workbench.stack.nudging import Nudging
from workbench.stack.stats import MessageRate


class Counting:
    def __init__(self) -> None:
        self.calls = 0

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        self.calls += 1
        return {"statusCode": 200}


async def test_a_throttled_function_does_not_run_and_one_that_is_cut_has_run() -> None:
    functions, faults = Counting(), Faults()
    invoker = Nudging(functions, [], MessageRate(), faults)
    for kind, calls, words in (
        (Kind.THROTTLE, 0, "TooManyRequests"),
        (Kind.REFUSE, 0, "TooManyRequests"),
        (Kind.CUT, 1, "ExitError"),
    ):
        faults.set(Service.FUNCTIONS, Fault(kind))
        with pytest.raises(FunctionError, match=words):
            await invoker.invoke("sweep", {}, 1.0)
        assert functions.calls == calls
    faults.heal()
    assert await invoker.invoke("sweep", {}, 1.0) == {"statusCode": 200}


async def test_without_faults_nothing_is_asked() -> None:
    functions = Counting()
    assert await Nudging(functions, [], MessageRate()).invoke("sweep", {}, 1.0)
    assert functions.calls == 1
