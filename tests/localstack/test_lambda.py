"""Functions as processes: what they see, and what becomes of them when they misbehave."""

from __future__ import annotations

import base64
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import processes
from tests.support.localstack import WAIT_S, Function
from tests.support.waiting import until
from workbench.stack.localstack_install import HOME

pytestmark = pytest.mark.timeout(600)  # the first test may have to install LocalStack
Make = Callable[..., Function]


def logs(answer: dict[str, Any]) -> str:
    return base64.b64decode(answer["LogResult"]).decode()


def test_a_function_has_its_variables_and_not_those_of_localstack(
    function: Make, port: int
) -> None:
    made = function(Environment={"Variables": {"COLOUR": "green"}})
    seen = made.invoke()["Payload"]
    environment = seen["environment"]
    assert environment["COLOUR"] == "green"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == made.name
    assert environment["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{port}"
    assert not {"GATEWAY_LISTEN", "PYTEST_CURRENT_TEST"} & set(environment)
    assert seen["python"] == [3, 13]
    assert 0 < seen["left_ms"] <= 30_000
    assert seen["arn"] == made.arn


def test_the_runtime_chooses_the_interpreter(function: Make) -> None:
    runtimes = [path.name for path in (HOME / "runtimes").iterdir()]
    assert "python3.13" in runtimes
    for runtime in runtimes:
        seen = function(Runtime=runtime).invoke()["Payload"]
        assert f"python{seen['python'][0]}.{seen['python'][1]}" == runtime


def test_logs_are_those_of_the_invocation(function: Make) -> None:
    made = function()
    first, second = logs(made.invoke(do="A")), logs(made.invoke(do="B"))
    assert "START RequestId" in first
    assert "loaded" in first
    assert "asked to A" in first
    assert "Init Duration" in first
    assert "asked to B" in second
    assert not {"loaded", "asked to A", "Init Duration"} & set(second.split("\n"))
    assert "Init Duration" not in second


def test_an_environment_is_used_again_and_frozen_in_between(function: Make) -> None:
    made = function()
    pids = {made.invoke()["Payload"]["pid"] for _ in range(3)}
    assert len(pids) == 1
    if sys.platform == "linux":
        until(lambda: processes.state(*pids) == "T", "it is frozen")


def test_an_invocation_does_not_wait_for_another(function: Make, tmp_path: Path) -> None:
    made = function()
    began, gate = tmp_path / "began", tmp_path / "gate"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(made.invoke, do="hold", began=str(began), until=str(gate))
        try:
            until(lambda: began.exists() or held.done(), "the first is under way")
            assert not held.done(), held.result()
            quick = made.invoke()["Payload"]["pid"]
            assert not held.done(), held.result()
        finally:
            gate.touch()
        assert held.result(WAIT_S)["Payload"]["pid"] != quick


def test_an_exception_is_told_and_the_environment_lives_on(function: Make) -> None:
    made = function()
    before = made.invoke()["Payload"]["pid"]
    failed = made.invoke(do="raise")
    assert failed["FunctionError"] == "Unhandled"
    assert failed["Payload"]["errorType"] == "ValueError"
    assert failed["Payload"]["errorMessage"] == "as asked"
    assert made.invoke()["Payload"]["pid"] == before


def test_a_crash_is_told_and_the_next_invocation_has_a_new_process(function: Make) -> None:
    made = function()
    before = made.invoke()["Payload"]["pid"]
    crashed = made.invoke(do="exit")
    assert crashed["FunctionError"] == "Unhandled"
    assert crashed["Payload"]["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in crashed["Payload"]["errorMessage"]
    assert "asked to exit" in logs(crashed)
    after = made.invoke()
    assert "FunctionError" not in after
    assert after["Payload"]["pid"] != before


def test_a_function_that_takes_too_long_is_killed(function: Make, tmp_path: Path) -> None:
    made = function(Timeout=1)
    before = made.invoke()["Payload"]["pid"]
    late = made.invoke(do="hold", began=str(tmp_path / "began"), until=str(tmp_path / "never"))
    assert (tmp_path / "began").exists()
    assert late["FunctionError"] == "Unhandled"
    assert late["Payload"]["errorType"] == "Sandbox.Timedout"
    assert "timed out after 1.00 seconds" in late["Payload"]["errorMessage"]
    if sys.platform == "linux":
        assert processes.state(before) == ""
    assert made.invoke()["Payload"]["pid"] != before


def test_a_function_that_cannot_be_loaded_says_why(function: Make) -> None:
    broken = function(Environment={"Variables": {"BROKEN": "1"}}).invoke()
    assert broken["FunctionError"] == "Unhandled"
    assert broken["Payload"]["errorMessage"] == "it cannot be loaded"


def test_a_runtime_that_is_not_here_is_told(function: Make) -> None:
    refused = function(Runtime="nodejs22.x").invoke()
    assert refused["FunctionError"] == "Unhandled"
    assert "no interpreter for nodejs22.x" in refused["Payload"]["errorMessage"]


def test_code_of_another_architecture_is_refused(function: Make) -> None:
    other = "x86_64" if platform.machine().lower() in ("arm64", "aarch64") else "arm64"
    refused = function(Architectures=[other]).invoke()
    assert refused["FunctionError"] == "Unhandled"
    assert f"packaged for {other}" in refused["Payload"]["errorMessage"]
