"""The Lambda API's Invoke, against ministack's functions.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.emulator import REGION, Emulator
from workbench.deployed.functions import DeployedFunctions
from workbench.gateway import FunctionError
from workbench.stack.children import free_port

WITHIN_S = 20.0


@pytest_asyncio.fixture
async def functions(emulator: Emulator) -> AsyncIterator[DeployedFunctions]:
    functions = DeployedFunctions(emulator.url, REGION)
    async with asyncio.timeout(2 * WITHIN_S):
        yield functions
    await functions.close()


async def test_a_function_gets_the_event_and_its_value_comes_back(
    emulator: Emulator, functions: DeployedFunctions
) -> None:
    name = emulator.function("def handler(event, context): return {'got': event, 'none': None}")
    event = {"text": "ü\u2028", "n": 1.5}
    assert await functions.invoke(name, event, WITHIN_S) == {"got": event, "none": None}


async def test_an_alias_may_be_named(emulator: Emulator, functions: DeployedFunctions) -> None:
    name = emulator.function("def handler(event, context): return context.function_version")
    emulator.functions.publish_version(FunctionName=name)
    emulator.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert await functions.invoke(f"{name}:live", {}, WITHIN_S) == "1"


async def test_a_function_that_raises_is_an_error(
    emulator: Emulator, functions: DeployedFunctions
) -> None:
    name = emulator.function("def handler(event, context): raise ValueError('boom')")
    with pytest.raises(FunctionError, match="boom"):
        await functions.invoke(name, {}, WITHIN_S)


async def test_a_function_that_answers_too_late_is_a_timeout(
    emulator: Emulator, functions: DeployedFunctions
) -> None:
    name = emulator.function("import time\ndef handler(event, context): time.sleep(event['s'])")
    await functions.invoke(name, {"s": 0}, WITHIN_S)
    with pytest.raises(TimeoutError):
        await functions.invoke(name, {"s": 3}, 0.5)


async def test_a_function_s_own_time_out_is_an_error(
    emulator: Emulator, functions: DeployedFunctions
) -> None:
    code = "import time\ndef handler(event, context): time.sleep(30)"
    name = emulator.function(code, Timeout=1)
    with pytest.raises(FunctionError) as failed:
        await functions.invoke(name, {}, WITHIN_S)
    assert failed.value.type == "Sandbox.Timedout"


async def test_no_function_is_an_error(emulator: Emulator, functions: DeployedFunctions) -> None:
    with pytest.raises(FunctionError, match="not found"):
        await functions.invoke(f"{emulator.prefix}-nothing", {}, WITHIN_S)


async def test_a_throttled_function_is_an_error(
    emulator: Emulator, functions: DeployedFunctions
) -> None:
    name = emulator.function("def handler(event, context): return 1")
    emulator.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(FunctionError, match="Rate Exceeded"):
        await functions.invoke(name, {}, WITHIN_S)


async def test_nobody_there_is_an_error() -> None:
    functions = DeployedFunctions(f"http://127.0.0.1:{free_port()}", REGION)
    with pytest.raises(FunctionError, match="any"):
        await functions.invoke("any", {}, WITHIN_S)
    await functions.close()


async def test_an_invocation_that_is_held_keeps_no_other_waiting(
    emulator: Emulator, functions: DeployedFunctions, tmp_path: Path
) -> None:
    """More than a connection pool or a default thread pool would hold."""
    name = emulator.function(
        """
        import pathlib, time
        def handler(event, context):
            while event.get("until") and not pathlib.Path(event["until"]).exists():
                time.sleep(0.01)
            if event.get("make"):
                pathlib.Path(event["make"]).touch()
        """
    )
    await functions.invoke(name, {}, WITHIN_S)
    flag = str(tmp_path / "flag")
    held = [
        asyncio.create_task(functions.invoke(name, {"until": flag}, 2 * WITHIN_S))
        for _ in range(12)
    ]
    await functions.invoke(name, {"make": flag}, 2 * WITHIN_S)
    await asyncio.gather(*held)


async def test_a_function_sees_what_a_lambda_runtime_has_and_no_more(
    emulator: Emulator, functions: DeployedFunctions
) -> None:
    """Else a package that forgot something would run here and fail on AWS."""
    name = emulator.function(
        """
        import importlib.util, os
        def handler(event, context):
            names = "boto3", "botocore", "chalice", "pydantic", "chalicelib", "ministack"
            found = [name for name in names if importlib.util.find_spec(name)]
            return {"found": found, "environment": sorted(os.environ)}
        """,
        variables={"TIDINGS_PREFIX": "mine"},
    )
    seen = await functions.invoke(name, {}, WITHIN_S)
    assert seen["found"] == ["boto3", "botocore"]
    assert "TIDINGS_PREFIX" in seen["environment"]
    assert "PYTEST_CURRENT_TEST" not in seen["environment"]
