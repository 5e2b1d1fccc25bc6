"""The environments of a function: their number, and the handling of failures."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from workbench.lambdas.versions import Failed, Version

WITHIN_S = 30.0
CODE = """
import os, sys, time, pathlib

def handler(event, context):
    if "here" in event:
        pathlib.Path(event["here"]).touch()
    if "until" in event:
        while not pathlib.Path(event["until"]).exists():
            time.sleep(0.01)
    if event.get("do") == "raise":
        raise ValueError("boom")
    if event.get("do") == "exit":
        sys.exit(3)
    if event.get("do") == "die":
        os._exit(3)
    if event.get("do") == "odd":
        return object()
    return {"pid": os.getpid(), "left_ms": context.get_remaining_time_in_millis()}
"""


@asynccontextmanager
async def running(folder: Path, code: str = CODE) -> AsyncIterator[Version]:
    (folder / "app.py").write_text(code)
    variables = {
        "LAMBDA_TASK_ROOT": str(folder),
        "_HANDLER": "app.handler",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "group",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    }
    async with asyncio.timeout(WITHIN_S):
        version = await Version.start("key", Path(sys.executable), variables)
        yield version
        version.close()
        await version.wait()


async def invoke(version: Version, within_s: float = WITHIN_S, **event: Any) -> dict[str, Any]:
    deadline_ms = (time.time() + within_s) * 1000
    invocation = {"event": event, "arn": "arn", "request_id": "id", "deadline_ms": deadline_ms}
    return dict(json.loads(await version.invoke(invocation, within_s)))


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def test_one_environment_serves_one_invocation_after_the_other(tmp_path: Path) -> None:
    async with running(tmp_path) as version:
        answers = [await invoke(version) for _ in range(3)]
    assert len({answer["pid"] for answer in answers}) == 1
    assert 0 < answers[0]["left_ms"] <= WITHIN_S * 1000


async def test_invocations_at_once_have_an_environment_each(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    here = [tmp_path / str(number) for number in range(6)]
    async with running(tmp_path) as version:
        held = [
            asyncio.create_task(invoke(version, here=str(each), until=str(flag))) for each in here
        ]
        await until(lambda: all(each.exists() for each in here))
        free = await invoke(version)  # it waits for the others, but not forever
        flag.touch()
        pids = {answer["pid"] for answer in await asyncio.gather(*held)}
    assert len(pids) == 6
    assert free["pid"] not in pids


async def test_a_burst_is_served_by_few(tmp_path: Path) -> None:
    async with running(tmp_path) as version:
        answers = await asyncio.gather(*(invoke(version) for _ in range(100)))
    assert len({answer["pid"] for answer in answers}) < 25


@pytest.mark.parametrize(
    ("do", "kind", "stays"),
    [
        ("raise", "ValueError", True),
        ("odd", "TypeError", True),
        ("exit", "SystemExit", False),
        ("die", "Runtime.ExitError", False),
    ],
)
async def test_an_environment_outlives_an_error_but_no_exit(
    tmp_path: Path, do: str, kind: str, stays: bool
) -> None:
    async with running(tmp_path) as version:
        before = (await invoke(version))["pid"]
        with pytest.raises(Failed) as failed:
            await invoke(version, do=do)
        assert json.loads(str(failed.value))["errorType"] == kind
        after = (await invoke(version))["pid"]
        assert (after == before) is stays


async def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    async with running(tmp_path) as version:
        pid = (await invoke(version))["pid"]
        with pytest.raises(Failed, match=r"Sandbox\.Timedout"):
            await invoke(version, 0.2, until=str(tmp_path / "never"))
        await until(lambda: ended(pid))
        assert (await invoke(version))["pid"] != pid


async def test_a_closed_version_ends_after_what_runs(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running(tmp_path) as version:
        idle = (await invoke(version))["pid"]
        running_one = asyncio.create_task(invoke(version, until=str(flag)))
        await asyncio.sleep(0)  # let it begin
        version.close()
        flag.touch()
        assert (await running_one)["pid"] == idle
        await until(lambda: ended(idle))


@pytest.mark.parametrize(
    ("code", "kind"),
    [("import nothing_such", "ModuleNotFoundError"), ("handle = 1", "AttributeError")],
)
async def test_code_that_cannot_be_imported(tmp_path: Path, code: str, kind: str) -> None:
    with pytest.raises(Failed, match=kind):
        async with running(tmp_path, code):
            pass
