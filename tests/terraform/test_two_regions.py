"""The second region of the production root: its commented lines, uncommented, are complete."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.terraform import RootOf

# A provider or module, or one line of a map.
_BLOCK = re.compile(r"^# (?:provider|module) .*\{\n(?:#.*\n)*?# \}$", re.MULTILINE)
_LINE = re.compile(r"^( +)# (eu-west-1 += .*|\"eu-west-1\",)$", re.MULTILINE)


def _take_in(path: Path) -> int:
    """Uncomment the second region; return the number of parts that were uncommented."""
    text, blocks = _BLOCK.subn(lambda found: re.sub(r"(?m)^# ?", "", found[0]), path.read_text())
    text, lines = _LINE.subn(r"\1\2", text)
    path.write_text(text)
    return blocks + lines


@pytest.mark.extended
@pytest.mark.timeout(400)
def test_the_second_region_is_complete(root_of: RootOf, tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "backend.tf")
    copy = shutil.copytree(ROOT / "terraform", tmp_path / "terraform", ignore=left_out)
    parts = {path.name: _take_in(path) for path in copy.glob("*.tf")}
    assert {name: count for name, count in parts.items() if count} == {
        "main.tf": 4,  # its name, the module, what it tells the others, what it has
        "providers.tf": 1,
    }
    for path in (copy / "tests").glob("*.tftest.hcl"):
        path.unlink()  # tests for a single region
    shutil.copy(copy / "tests" / "two-regions" / "two-regions.tftest.hcl", copy / "tests")
    root = root_of(str(copy))
    root.init("-backend=false")
    root.validate()
    assert root.test().splitlines()[-1] == "Success! 2 passed, 0 failed."
