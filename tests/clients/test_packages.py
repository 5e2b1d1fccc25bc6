"""What the packages of the clients say about themselves."""

from __future__ import annotations

import json
import tomllib

from chalicelib import __version__
from tests.support.paths import ROOT

PYTHON = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())["project"]
JAVASCRIPT = json.loads((ROOT / "clients/js/package.json").read_text())


def test_they_have_the_version_of_the_service() -> None:
    assert PYTHON["version"] == JAVASCRIPT["version"] == __version__


def test_they_need_what_the_readme_says() -> None:
    assert [each.split(">")[0] for each in PYTHON["dependencies"]] == ["websockets"]
    assert "dependencies" not in JAVASCRIPT
    assert JAVASCRIPT["peerDependenciesMeta"] == {"react": {"optional": True}}


def test_they_have_one_license() -> None:
    assert PYTHON["license"] == JAVASCRIPT["license"] == "Apache-2.0"
