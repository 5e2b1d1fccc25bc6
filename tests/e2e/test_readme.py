"""The README's section "Without the page", typed into shells as it stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import HERE as NODE
from tests.support.node import installed
from tests.support.stacks import Stack
from tests.support.terminal import Terminal

README = Path(__file__).resolve().parents[2] / "README.md"


def section() -> str:
    _, _, rest = README.read_text().partition("### Without the page\n")
    return rest.partition("\n## ")[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the checkout has, where files may be written."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    return tmp_path


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.mark.embedded("one stack is enough: what it tries is the README")
def test_every_example_runs_as_it_stands(
    stack: Stack, folder: Path, terminals: list[Terminal]
) -> None:
    installed()
    text = section().replace("http://127.0.0.1:8080", stack.url)
    text = text.replace("ws://127.0.0.1:8080/ws", stack.ws_url)
    assert ":8080" not in text
    [name] = re.findall(r"this is `(\w+\.mjs)`", text)
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in blocks] == ["console", "console", "js", "console", "console"]
    for kind, block in blocks:
        if kind == "js":
            (folder / name).write_text(block)
            continue
        terminals.append(Terminal(folder, stack.url))
        for line in block.splitlines():
            if line.startswith(("$ ", "> ")):
                terminals[-1].types(line[2:])
            else:
                terminals[-1].shows(line)
    [heard] = re.findall(r"`([^`]+)` appears there", text)
    terminals[2].shows(heard)
