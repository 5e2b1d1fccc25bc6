"""State shared by the parts of a gateway: account quotas and rates, functions, running tasks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any

from .buckets import TokenBucket
from .config import FunctionError, Invoker, Limits, WebSocketApi


class Account:
    """An account in one region.

    Attributes:
        credentials: Secret by access key id; None accepts any well-formed signature.
        requests: The account's request rate.
        connects: The account's rate of new connections.
        tasks: All running tasks; `stop` waits for them.
    """

    def __init__(
        self,
        invoker: Invoker,
        *,
        region: str = "us-east-1",
        account_id: str = "000000000000",
        limits: Limits | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self.region = region
        self.account_id = account_id
        self.limits = limits or Limits()
        self.credentials = credentials
        self.requests = TokenBucket(self.limits.requests_per_s)
        self.connects = TokenBucket(self.limits.connects_per_s)
        self.tasks: set[asyncio.Task[Any]] = set()
        self._invoker = invoker

    async def invoke(
        self, function: str, event: dict[str, Any], within_s: float | None = None
    ) -> Any:
        """Run a function within the integration's timeout.

        Raises:
            FunctionError: The function or the invoker raised.
            TimeoutError: It took too long.
        """
        limit_s = self.limits.integration_timeout_s if within_s is None else within_s
        try:
            answer = await asyncio.wait_for(self._invoker.invoke(function, event, limit_s), limit_s)
            if self.too_large(answer):
                raise FunctionError("Function.ResponseSizeTooLarge", "the answer is over 6 MB")
            return answer
        except (FunctionError, TimeoutError):
            raise
        except Exception as fault:  # any error of an invoker means that the function failed
            raise FunctionError(type(fault).__name__, str(fault)) from fault

    def too_large(self, payload: Any) -> bool:
        """Whether Lambda would not carry an event or an answer, for the size of its body.

        A character has at most six bytes in JSON, so that only large bodies are encoded to know.
        """
        body = payload.get("body") if isinstance(payload, dict) else None
        most = self.limits.payload_bytes
        if not isinstance(body, str) or len(body) * 6 < most:
            return False
        return len(json.dumps(payload, ensure_ascii=False).encode(errors="surrogatepass")) > most

    async def run_route(self, api: WebSocketApi, route: str, event: dict[str, Any]) -> Any:
        """Run `$connect` or `$disconnect`, if the API has that route."""
        if route not in api.routes:
            return {"statusCode": 200}
        return await self.invoke(api.routes[route], event)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as a task; `stop` waits for it."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
