"""The tutorial, followed as it stands: its files are written, its lines typed into terminals."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.node import node
from tests.support.paths import ROOT
from tests.support.stacks import Stack
from tests.support.terminal import Terminal

TUTORIAL = ROOT / "docs" / "tutorial" / "chat-client.md"
WITH_FLAG = "--experimental-websocket"


@pytest.fixture(autouse=True)
def websocket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Node with a WebSocket; before 22 it takes the flag that the tutorial names."""
    program = [node(), "--print", "process.versions.node.split('.')[0] >= 22"]
    if subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip() == "true":
        return
    flagged = {**os.environ, "NODE_OPTIONS": WITH_FLAG}
    program = [node(), "--eval", "new WebSocket('ws://127.0.0.1:1').onerror = () => 0"]
    if subprocess.run(program, capture_output=True, check=False, env=flagged).returncode:
        pytest.skip("Node has no WebSocket: it is older than 20.10")
    monkeypatch.setenv("NODE_OPTIONS", WITH_FLAG)


@pytest.fixture
def terminal(stack: Stack, tmp_path: Path) -> Iterator[Callable[[str], Terminal]]:
    """A terminal by its owner's name."""
    opened: dict[str, Terminal] = {}

    def named(owner: str) -> Terminal:
        if owner not in opened:
            opened[owner] = Terminal(tmp_path, stack.url)
        return opened[owner]

    yield named
    for each in opened.values():
        each.close()


def blocks() -> Iterator[tuple[str, str, str]]:
    """Kind, text, and for a program the file in which it is written."""
    text = TUTORIAL.read_text()
    for block in re.finditer(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        before = text[: block.start()]
        files = re.findall(r"`(my-chat/\w+\.mjs)`", before)
        yield block[1], block[2], files[-1] if files else ""


def follow(terminal: Terminal, lines: list[str]) -> None:
    for line in lines:
        if line.startswith("$ "):
            terminal.runs(line[2:])
        elif line.startswith("> "):
            terminal.types(line[2:])
        else:
            terminal.shows(line)


@pytest.mark.embedded("one stack is enough: what it tries is the tutorial")
def test_the_tutorial_can_be_followed(
    terminal: Callable[[str], Terminal], tmp_path: Path, stack: Stack
) -> None:
    for kind, text, file in blocks():
        if kind == "js":
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(text)
            continue
        assert kind == "console"
        title, *lines = text.splitlines()
        [owner] = re.findall(r"^# (?:The )?(\w+)'s terminal$", title)
        if owner == "stack":
            assert lines == ["$ make run"], "the stack of the test runs"
            continue
        follow(terminal(owner), lines)
    terminal("Alice").ends()
    terminal("Bob").types("/quit")
    terminal("Bob").ends()
    seen = [line.strip() for line in terminal("Bob").seen]
    for once in ("are you there?", "I will wait", "that was one message", "are you still there?"):
        assert seen.count(f"alice: {once}") == 1, seen
    ids = [line for line in terminal("Alice").seen if line.startswith("sent ")]
    assert ids[3] == ids[2], "what was sent again is the same message"
    assert len(set(ids)) == len(ids) - 1
