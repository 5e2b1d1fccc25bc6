"""A stand-in for Terraform, and an emulator."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.deployed.conftest import emulator_url  # noqa: F401
from tests.operate.deploy.stand_in import StandIn


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    for name in [name for name in os.environ if name.startswith(("AWS_ENDPOINT_URL", "TF_"))]:
        monkeypatch.delenv(name)
    return StandIn(programs)
