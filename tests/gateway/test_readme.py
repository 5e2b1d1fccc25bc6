"""The README is correct: its example runs, its tests exist, its numbers are those of the code."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import workbench.gateway
from workbench.stack.children import free_port

README = (Path(workbench.gateway.__file__).parent / "README.md").read_text()
TESTS = [Path(__file__).parents[1] / name for name in ("gateway", "edge", "stack")]
EXAMPLE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]


async def test_the_example_serves_somebody_else_s_handlers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: $connect, $default, $disconnect."""
    port = free_port()
    names: dict[str, Any] = {}
    exec(EXAMPLE.replace("3001", str(port)), names)
    running = asyncio.create_task(names["main"]())
    async with asyncio.timeout(20):
        url = f"ws://127.0.0.1:{port}/prod"
        while url not in capsys.readouterr().out:
            await asyncio.wait({running}, timeout=0.01)
            assert not running.done()
        async with connect(f"{url}?a=1") as client:
            await client.send("hello")
            assert await client.recv() == "HELLO"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url)
        assert refused.value.response.status_code == 401
        running.cancel()
        await asyncio.wait({running})


def test_the_example_is_as_short_as_it_says() -> None:
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 20


def rows() -> list[list[str]]:
    """The rules: the rows of its tables that have three columns."""
    table = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", README, re.MULTILINE)
    return [list(row) for row in table if row != ("rule", "page", "test")]


def test_every_rule_has_a_page_and_a_test_that_exists() -> None:
    code = "".join(path.read_text() for folder in TESTS for path in folder.glob("test_*.py"))
    tests = set(re.findall(r"def (test_\w+)\(", code))
    assert len(rows()) > 40
    for rule, page, test in rows():
        assert re.search(r"\[[a-z0-9-]+\]|RFC \d+", page), rule
        named = re.findall(r"`(test_\w+)`", test)
        assert named, rule
        assert sorted(set(named) - tests) == [], rule


def test_every_page_it_cites_has_an_address() -> None:
    cited = {
        name
        for cell in re.findall(r"\| ([^|]*\[[^|]*) \|", README)
        for name in re.findall(r"\[([a-z0-9-]+)\](?!\()", cell)
    }
    assert cited
    assert cited <= set(re.findall(r"^\[([a-z0-9-]+)\]: https://", README, re.MULTILINE))
