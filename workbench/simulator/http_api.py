"""The HTTP API: requests from clients to `api_handler`, any of which may be lost on its way.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib.kernel.errors import Unavailable
from chalicelib.services import Services

from .functions import TIMEOUT_S, Functions
from .ports import Calls
from .scheduler import Died, Scheduler

T = TypeVar("T")


class HttpApi:
    def __init__(self, scheduler: Scheduler, functions: Functions, calls: Calls) -> None:
        self._scheduler = scheduler
        self._functions = functions
        self._calls = calls

    def request(self, name: str, handle: Callable[[Services], T]) -> T | None:
        """Make a request from a client's task.

        Returns:
            The answer; None if there is none: the request or its answer was lost, or the function
            died or did not answer in time.
        """

        def invoke() -> T:
            answer = self._functions.invoke("http", name, handle, TIMEOUT_S["http"])
            self._scheduler.wait(answer)
            return answer.value()

        try:
            made: T = self._calls.call("http", name, invoke)
        except (Unavailable, Died):
            return None
        return made
