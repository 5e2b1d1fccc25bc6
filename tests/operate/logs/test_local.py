"""Files of lines, while they grow and are replaced."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from operate.logs.local import Files
from workbench.stack import logs


def said(files: Files) -> list[object]:
    return [line.fields["event"] for line in files.new()]


def test_lines_of_several_regions_are_in_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    files = Files([one, two])
    assert said(files) == [], "neither is there yet"
    one.write_text('{"time":"2026-11-30T10:00:01Z","event":"second"}\n')
    two.write_text('{"time":"2026-11-30T10:00:00Z","event":"first"}\n{"time":"2026-')
    assert said(files) == ["first", "second"]
    assert said(files) == []
    with two.open("a") as file:
        file.write('11-30T10:00:02Z","event":"third"}\n')
    assert said(files) == ["third"], "a line that was half written"


def test_a_file_that_was_replaced_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"event":"a"}\n')
    files = Files([path])
    assert said(files) == ["a"]
    with path.open("a") as file:
        file.write('{"event":"b"}\n')
    path.rename(tmp_path / "log.1")
    path.write_text('{"event":"c"}\n')
    assert said(files) == ["b", "c"]
    assert said(Files([path])) == ["a", "b", "c"], "at first, both are read"


@pytest.fixture
def loggers() -> Iterator[None]:
    """As they were, afterwards."""
    names = ("chalicelib", "tidings.stack", "tidings.deploy")
    before = {name: list(logging.getLogger(name).handlers) for name in names}
    yield
    for name, handlers in before.items():
        logger = logging.getLogger(name)
        for each in set(logger.handlers) - set(handlers):
            each.close()
        logger.handlers, logger.propagate = handlers, True


@pytest.mark.usefixtures("loggers")
def test_the_stack_keeps_its_last_lines_for_its_user_alone(tmp_path: Path) -> None:
    kept = logs.file(tmp_path, "us-east-1")
    with open(os.devnull, "w") as nowhere:
        logs.configure("text", nowhere, keep=kept)
        line = '{"level":"WARNING","event":"slow","room_id":"tea"}'
        logging.getLogger("chalicelib").warning(line)
        try:
            raise ValueError("why")
        except ValueError:
            logging.getLogger("tidings.stack").exception("a pump has failed")
    slow, failed = Files([kept]).new()
    assert (slow.fields["event"], slow.fields["room_id"]) == ("slow", "tea")
    assert slow.at_ms > 1_700_000_000_000
    assert "ValueError: why" in failed.fields["traceback"]
    assert kept.parent.stat().st_mode & 0o077 == 0
