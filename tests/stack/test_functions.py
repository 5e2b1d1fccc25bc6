"""Execution environments: isolation, faults, fresh code."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from workbench.gateway import FunctionError
from workbench.stack.functions import InProcessFunctions

WITHIN_S = 10.0
_numbers = itertools.count(1)

APP = """
import contextvars
import sys
import threading
import time

import {package}.lib as lib
from chalice import Chalice

app = Chalice(app_name="fake")
inside = 0


@app.route("/v1/things/{{thing_id}}", methods=["GET", "POST"])
def thing(thing_id):
    return {{"thing": thing_id, "method": app.current_request.method}}


def alone(event, context):
    global inside
    inside += 1
    seen = inside
    lib.meet.wait(5)
    inside -= 1
    return seen


def version(event, context):
    return lib.VERSION


def also(event, context):
    return lib.VERSION


def fail(event, context):
    raise KeyError(event["name"])


def leave(event, context):
    sys.exit(3)


def odd(event, context):
    return {{1, 2}}


def spoil(event, context):
    event["list"].append("spoiled")


def slow(event, context):
    lib.release.wait(5)
    return lib.VERSION


def cut(event, context):
    lib.release.wait(5)
    raise KeyError("a service of the stack")


def called_by(event, context):
    return next((each.get() for each in contextvars.copy_context() if each.name == "caller"), "")


def about(event, context):
    left = context.get_remaining_time_in_millis()
    names = [context.function_name, context.invoked_function_arn, context.aws_request_id]
    return [0 < left <= 5000, *names]
"""
LIB = """
import threading

VERSION = {version}
meet = threading.Barrier({parties})
release = threading.Event()
"""


class Project:
    """A fake app.py beside a package of its own name."""

    def __init__(self, folder: Path) -> None:
        self.package = f"fakelib{next(_numbers)}"
        self.app = folder / "app.py"
        (folder / self.package).mkdir()
        (folder / self.package / "__init__.py").touch()
        self.lib = folder / self.package / "lib.py"
        self.write()
        self.functions = InProcessFunctions(self.app, package=self.package)

    def write(self, version: int = 1, parties: int = 1, app: str | None = None) -> None:
        self.app.write_text(app if app is not None else APP.format(package=self.package))
        fresh = self.lib.with_suffix(".new")  # as an editor that saves by renaming
        fresh.write_text(LIB.format(version=version, parties=parties))
        os.replace(fresh, self.lib)

    async def call(self, function: str, event: dict[str, Any] | None = None) -> Any:
        return await self.functions.invoke(function, event or {}, 5.0)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    before = list(sys.path)
    project = Project(tmp_path)
    yield project
    project.functions.close()
    sys.path[:] = before


async def test_an_environment_serves_one_invocation_at_a_time(project: Project) -> None:
    project.write(parties=4)  # all four must be inside at once to get on
    answers = await asyncio.gather(*(project.call("alone") for _ in range(4)))
    assert answers == [1, 1, 1, 1]


async def test_an_invocation_runs_in_the_context_of_its_caller(project: Project) -> None:
    caller: ContextVar[str] = ContextVar("caller")

    async def call(name: str) -> Any:
        caller.set(name)
        return await project.call("called_by")

    answers = await asyncio.gather(*(asyncio.create_task(call(name)) for name in "abc"))
    assert answers == ["a", "b", "c"]


async def test_a_raising_handler_is_a_function_error_and_the_next_call_is_served(
    project: Project,
) -> None:
    with pytest.raises(FunctionError) as caught:
        await project.call("fail", {"name": "x"})
    assert (caught.value.type, caught.value.message) == ("KeyError", "'x'")
    assert await project.call("version") == 1


@pytest.mark.parametrize("closed", [True, False])
async def test_what_the_end_of_the_stack_cuts_is_no_error(
    project: Project, caplog: pytest.LogCaptureFixture, closed: bool
) -> None:
    assert await project.call("version") == 1
    waiting = sys.modules[f"{project.package}.lib"].release
    running = asyncio.create_task(project.call("cut"))
    while not waiting._cond._waiters:
        await asyncio.sleep(0.005)
    if closed:
        project.functions.close()
    waiting.set()
    with pytest.raises(FunctionError):
        await running
    assert ("ERROR" in [record.levelname for record in caplog.records]) is not closed


@pytest.mark.parametrize("function", ["leave", "odd", "missing"])
async def test_no_fault_of_a_handler_ends_the_stack(project: Project, function: str) -> None:
    with pytest.raises(FunctionError):
        await project.call(function)
    assert await project.call("version") == 1


async def test_a_handler_cannot_spoil_its_callers_event(project: Project) -> None:
    event: dict[str, Any] = {"list": []}
    await project.call("spoil", event)
    assert event == {"list": []}


async def test_the_context_is_lambdas(project: Project) -> None:
    in_time, name, arn, request = await project.call("about")
    assert in_time
    assert name == "about"
    assert arn.endswith(":function:about")
    assert len(request) == 36


async def test_the_chalice_app_serves_http_and_names_its_routes(project: Project) -> None:
    assert sorted(project.functions.http_routes()) == [
        ("GET", "/v1/things/{thing_id}"),
        ("POST", "/v1/things/{thing_id}"),
    ]
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/v1/things/{thing_id}"},
        "pathParameters": {"thing_id": "7"},
        "multiValueQueryStringParameters": None,
        "headers": {},
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    answer = await project.call("api_handler", event)
    assert answer["statusCode"] == 200
    assert answer["body"] == '{"thing":"7","method":"GET"}'


async def test_too_slow_is_a_timeout(project: Project) -> None:
    with pytest.raises(TimeoutError):
        await project.functions.invoke("slow", {}, 0.1)
    sys.modules[f"{project.package}.lib"].release.set()  # type: ignore[attr-defined]


async def test_after_a_reload_new_code_answers_while_a_running_call_ends_on_the_old(
    project: Project,
) -> None:
    assert await project.call("version") == 1
    old = sys.modules[f"{project.package}.lib"]
    running = asyncio.create_task(project.call("slow"))
    await asyncio.sleep(0)  # it is with the pool now, on an environment of the old code
    project.write(version=2)
    while not old.release._cond._waiters:  # type: ignore[attr-defined]
        await asyncio.sleep(0.005)
    project.functions.reload()
    assert await project.call("version") == 2
    old.release.set()  # type: ignore[attr-defined]
    assert await running == 1


async def test_functions_are_deployed_one_by_one_and_old_and_new_code_run_side_by_side(
    project: Project,
) -> None:
    assert (await project.call("version"), await project.call("also")) == (1, 1)
    old = sys.modules[f"{project.package}.lib"]
    project.write(version=2)
    project.functions.deploy("version")
    assert (await project.call("version"), await project.call("also")) == (2, 1)
    running = [asyncio.create_task(project.call("slow")) for _ in range(3)]
    while len(old.release._cond._waiters) < 3:  # type: ignore[attr-defined]
        await asyncio.sleep(0.005)  # new environments of the old code
    old.release.set()  # type: ignore[attr-defined]
    assert await asyncio.gather(*running) == [1, 1, 1]
    project.functions.deploy("also")
    assert await project.call("also") == 2
    assert project.functions.served == [6, 2]
    project.write(version=3)
    project.functions.deploy("also")
    assert (await project.call("version"), await project.call("also")) == (2, 3)
    project.functions.deploy("version")
    assert await project.call("version") == 3


async def test_broken_code_says_what_is_wrong_until_it_is_mended(project: Project) -> None:
    assert await project.call("version") == 1
    project.write(app="def version(event, context:\n    return 1\n")
    project.functions.reload()
    with pytest.raises(FunctionError, match=r"SyntaxError.*app\.py, line 1"):
        await project.call("version")
    project.write(version=3)
    project.functions.reload()
    assert await project.call("version") == 3


async def test_a_saved_file_is_noticed_also_after_a_broken_one(project: Project) -> None:
    async def until(answer: Any, **written: Any) -> None:
        async with asyncio.timeout(WITHIN_S):
            while True:
                project.write(**written)
                for _ in range(30):
                    with contextlib.suppress(FunctionError):
                        if await project.call("version") == answer:
                            return
                    await asyncio.sleep(0.02)

    async def fault() -> str:
        try:
            await project.call("version")
        except FunctionError as error:
            return error.type
        return ""

    watch = asyncio.create_task(project.functions.watch())
    try:
        await until(2, version=2)
        project.write(version=2, app="def version(:")
        async with asyncio.timeout(WITHIN_S):
            while "SyntaxError" not in await fault():
                await asyncio.sleep(0.02)
        await until(4, version=4)
        assert not watch.done()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def test_what_is_reserved_for_one_function_no_other_can_take(project: Project) -> None:
    """All shared executions wait for the reserved one, which therefore must have its own."""
    project.functions.close()
    project.functions = InProcessFunctions(project.app, 1, package=project.package)
    project.functions.reserve("version", 1)
    project.write(parties=2)
    waiting = asyncio.create_task(project.call("alone"))  # waits for a second one at the barrier
    assert await project.call("version") == 1
    project.functions.reserve("alone", 1)
    assert await asyncio.gather(project.call("alone"), waiting) == [1, 1]
