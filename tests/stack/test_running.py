"""One stack a folder: its record is its own, and that of a dead one counts for nothing."""

from __future__ import annotations

import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.stack.children import Unusable
from workbench.stack.running import Running, claim, find, home

HERE = Running(
    7, "http://127.0.0.1:8080", "us-east-1", "tidings", "http://a", "redis://r", "k", "s"
)


def test_what_runs_is_found_until_it_ends(tmp_path: Path) -> None:
    assert find(tmp_path / "nothing") is None
    with claim(tmp_path) as mine:
        assert find(tmp_path) is None, "it has not said where it is"
        mine.write(HERE)
        assert find(tmp_path) == HERE
        assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    assert find(tmp_path) is None
    assert not (tmp_path / "stack.json").exists()


def test_the_record_of_several_regions_has_all(tmp_path: Path) -> None:
    several = replace(HERE, control_url="http://c", control_token="t").with_others(
        [replace(HERE, region="eu-west-1"), replace(HERE, region="ap-southeast-1")]
    )
    with claim(tmp_path) as mine:
        mine.write(several)
        assert find(tmp_path) == several


def test_a_second_one_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with claim(tmp_path) as mine:
        with pytest.raises(Unusable, match="starting or stopping"), claim(tmp_path):
            pass
        mine.write(HERE)
        with pytest.raises(Unusable, match=r"http://127.0.0.1:8080 \(process 7\)"), claim(tmp_path):
            pass
        assert find(tmp_path) == HERE


DIES = """
import os, sys
from pathlib import Path
from workbench.stack.running import Running, claim
with claim(Path(sys.argv[1])) as mine:
    mine.write(Running(os.getpid(), "http://127.0.0.1:1", "r", "p", "a", "r", "k", "s"))
    os._exit(9)
"""


def test_the_record_of_a_dead_one_counts_for_nothing_and_is_replaced(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)
    assert (tmp_path / "stack.json").exists()
    assert find(tmp_path) is None
    with claim(tmp_path) as mine:
        mine.write(HERE)
        assert find(tmp_path) == HERE


def test_a_record_that_is_none_is_nobody_s(tmp_path: Path) -> None:
    with claim(tmp_path):
        for text in ("", "{", "{}", "[]"):
            (tmp_path / "stack.json").write_text(text)
            assert find(tmp_path) is None


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match=r"cannot write .* TIDINGS_HOME"), claim(tmp_path / "file"):
        pass


def test_a_record_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with claim(tmp_path) as mine:
        (tmp_path / "stack.json.new").mkdir()
        with pytest.raises(Unusable, match=r"cannot write .* TIDINGS_HOME"):
            mine.write(HERE)


def test_nothing_runs_from_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert find(tmp_path / "file") is None


def test_another_folder_can_be_named(tmp_path: Path) -> None:
    assert home({"TIDINGS_HOME": str(tmp_path)}) == tmp_path
    assert home({}).name == ".tidings"
