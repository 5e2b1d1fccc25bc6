"""The invoker for plain handlers.

https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from workbench.gateway import FunctionError, LocalFunctions

MEET = threading.Barrier(20)


def meet(event: dict[str, Any], context: Any) -> dict[str, Any]:
    MEET.wait(10)
    return {"statusCode": 200}


def describe(event: dict[str, Any], context: Any) -> dict[str, Any]:
    event["changed"] = True
    return {"name": context.function_name, "left_ms": context.get_remaining_time_in_millis()}


async def quick(event: dict[str, Any], context: Any) -> tuple[int, str]:
    return 1, context.aws_request_id


def boom(event: dict[str, Any], context: Any) -> None:
    raise ValueError("why")


@pytest.fixture
async def functions() -> AsyncIterator[LocalFunctions]:
    handlers = {"meet": meet, "describe": describe, "quick": quick, "boom": boom}
    functions = LocalFunctions({**handlers, "no_json": lambda event, context: object()})
    yield functions
    functions.close()


async def test_sync_handlers_run_at_the_same_time(functions: LocalFunctions) -> None:
    """lambda-concurrency: one environment for each concurrent invocation."""
    await asyncio.gather(*(functions.invoke("meet", {}, 5) for _ in range(MEET.parties)))


async def test_a_handler_gets_a_copy_and_a_context(functions: LocalFunctions) -> None:
    """python-context: function_name, get_remaining_time_in_millis."""
    event: dict[str, Any] = {}
    answer = await functions.invoke("describe", event, 5)
    assert answer["name"] == "describe"
    assert 0 < answer["left_ms"] <= 5000
    assert event == {}


async def test_a_coroutine_function_answers_as_json_carries_it(functions: LocalFunctions) -> None:
    """python-handler: the result is serialised to JSON."""
    number, request_id = await functions.invoke("quick", {}, 5)
    assert (number, len(request_id)) == (1, 36)


@pytest.mark.parametrize(
    ("name", "type"), [("boom", "ValueError"), ("no_json", "TypeError"), ("nobody", "KeyError")]
)
async def test_what_fails_is_the_function_s_error(
    functions: LocalFunctions, name: str, type: str
) -> None:
    """python-exceptions; on AWS, a result that is not JSON is a Runtime.MarshalError."""
    with pytest.raises(FunctionError) as failed:
        await functions.invoke(name, {}, 5)
    assert failed.value.type == type
