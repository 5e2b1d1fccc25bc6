"""CONTRIBUTING's lists are complete: their examples are found where they say, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.documents import sources
from tests.support.paths import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PRODUCT = [
    path
    for path in sources()
    if path.name == "app.py" or path.relative_to(ROOT).parts[0] in ("chalicelib", "terraform")
]
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w.-]+\.(?:py|md|txt))`")
NAME = re.compile(r"`([A-Za-z_]\w*)`")


@dataclass(frozen=True)
class Step:
    text: str

    @property
    def conditional(self) -> bool:
        return self.text.startswith("If ")

    @property
    def paths(self) -> list[Path]:
        return [ROOT / name for name in PATH.findall(self.text)]


@dataclass(frozen=True)
class List:
    title: str
    example: re.Pattern[str]
    steps: list[Step]

    def mentions(self, path: Path) -> bool:
        """Whether a file, or one in a folder, has the example."""
        files = [path] if path.is_file() else [each for each in sources() if path in each.parents]
        return any(self.example.search(each.read_text()) for each in files)


def lists() -> Iterator[List]:
    section = TEXT[TEXT.index("## Add something") :]
    for title, body in re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", section, re.S | re.M):
        [line] = re.findall(r"^Example: (.+)\.$", body, re.MULTILINE)
        names = re.findall(r"`([^`]+)`", line)
        example = "|".join(rf"(?<![\w/]){re.escape(name)}(?!\w)" for name in names)
        steps = re.findall(r"^\d+\. (.*?)(?=^\d+\. |\Z)", body, re.S | re.M)
        yield List(title, re.compile(example), [Step(" ".join(each.split())) for each in steps])


LISTS = list(lists())
each_list = pytest.mark.parametrize("each", LISTS, ids=lambda each: each.title)


def test_there_is_a_list_for_each_kind() -> None:
    kinds = ["An action", "An event", "A route", "A job", "A table", "A setting", "A metric"]
    assert [each.title for each in LISTS] == kinds


def test_every_path_exists() -> None:
    assert not [name for name in PATH.findall(TEXT) if not list(ROOT.glob(name.rstrip("/")))]


@each_list
def test_every_name_is_in_a_file_of_its_step(each: List) -> None:
    for step in each.steps:
        files = [file for path in step.paths for file in (path.rglob("*.py"), [path])]
        texts = [file.read_text() for some in files for file in some if file.is_file()]
        for name in NAME.findall(step.text) if texts else ():
            known = any(re.search(rf"\b{name}\b", text) for text in texts)
            assert known or name in ("regional", "global", "api_handler"), f"{name}: {step.text}"


@each_list
def test_the_steps_name_every_place_that_the_example_touches(each: List) -> None:
    named = [path for step in each.steps for path in step.paths]
    left_out = [
        path.relative_to(ROOT).as_posix()
        for path in PRODUCT
        if each.mentions(path) and not any(path == one or one in path.parents for one in named)
    ]
    assert not left_out


@each_list
def test_every_place_that_the_steps_name_has_the_example_or_a_name_of_the_step(each: List) -> None:
    """A step with "If" may be for others; of a step's alternatives the example takes one."""
    for step in each.steps:
        paths = [path for path in step.paths if path.is_dir() or path in PRODUCT]
        if paths and not step.conditional:
            found = any(each.mentions(path) for path in paths) or NAME.search(step.text)
            assert found, step.text
