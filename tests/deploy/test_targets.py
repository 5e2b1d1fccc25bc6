"""What differs between AWS and the emulators."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.deploy.targets import LACKING, Emulated, Target, emulated

ROOT = Path(__file__).resolve().parents[2] / "terraform"


def test_aws_gets_the_root_as_it_is() -> None:
    target = Target("aws")
    assert target.variables() == {}
    assert (target.package.runtime, target.package.architecture) == ("python3.13", "arm64")


def test_an_emulator_s_variables_are_the_root_s() -> None:
    at = Emulated(beside_url="http://127.0.0.1:4567")
    variables = emulated("localstack", "us-east-1", at).variables()
    declared = re.findall(r'^variable "(\w+)"', (ROOT / "variables.tf").read_text(), re.MULTILINE)
    assert set(variables) <= set(declared)
    assert variables["api_endpoint_urls"] == dict.fromkeys(LACKING, at.beside_url)


def test_one_emulator_has_all_apis() -> None:
    at = Emulated()
    assert emulated("ministack", "us-east-1", at).variables()["api_endpoint_urls"] == {}
    assert at.control_plane_url == at.aws_url


def test_what_localstack_lacks_can_be_pointed_elsewhere() -> None:
    services = (ROOT / "providers.tf").read_text()
    assert all(f'"{name}"' in services for name in LACKING)
