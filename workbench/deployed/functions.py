"""Invoke deployed functions through the Lambda API.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from operate.keys import ANY
from workbench.gateway import FunctionError
from workbench.stack.signed import Answer, NoAnswer, SignedCalls


class DeployedFunctions:
    """Invokes by function name, which may end in `:alias`, and waits for the answer.

    Like API Gateway, it calls once: if a function is throttled, missing or unreachable, the call
    fails and the client gets "Internal server error". A function that exceeds the caller's timeout
    continues to run.

    Args:
        endpoint_url: Where the Lambda API answers.
    """

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._calls = SignedCalls(endpoint_url, "lambda", region, ANY)

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        """See `workbench.gateway.Invoker`."""
        path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
        headers = {
            "Content-Type": "application/json",
            "X-Amz-Invocation-Type": "RequestResponse",
        }
        try:
            answer = await self._calls.post(path, json.dumps(event).encode(), headers, timeout_s)
        except NoAnswer as error:
            raise FunctionError("NoAnswer", f"{function}: {error}") from error
        return _result(function, answer)

    async def close(self) -> None:
        await self._calls.close()


def _result(function: str, answer: Answer) -> Any:
    """Return the function's result; raise its error, or Lambda's own."""
    try:
        body = json.loads(answer.body or b"null")
    except ValueError:
        text = answer.body[:200].decode(errors="replace")
        raise FunctionError("NotJson", f"{function}: {answer.status} {text}") from None
    if answer.status == 200 and "X-Amz-Function-Error" not in answer.headers:
        return body
    fault = body if isinstance(body, dict) else {}
    kind = fault.get("errorType") or fault.get("__type") or fault.get("Type")
    kind = kind or answer.headers.get("x-amzn-ErrorType") or answer.status
    words = fault.get("errorMessage") or fault.get("message") or fault.get("Message") or ""
    raise FunctionError(str(kind), f"{function}: {words}")
