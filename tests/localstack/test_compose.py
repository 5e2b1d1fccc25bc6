"""compose.yaml cannot be run without Docker; what it says must still agree with `localstack/up`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.cli.emulators import emulators
from workbench.stack.localstack_install import VERSION

FOLDER = Path(__file__).resolve().parents[2] / "localstack"


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    return found


def test_the_release_is_the_one_that_is_installed_without_docker(services: dict[str, Any]) -> None:
    assert services["localstack"]["image"] == f"localstack/localstack:{VERSION}"


def test_the_addresses_are_those_of_up(services: dict[str, Any]) -> None:
    defaults = inspect.signature(emulators).parameters
    options = {
        "localstack": "aws_port",
        "ministack": "beside_port",
        "valkey": "redis_port",
        "gateway": "port",
    }
    ports = {name: defaults[option].default for name, option in options.items()}
    published = {name: service["ports"] for name, service in services.items()}
    assert published == {name: [f"127.0.0.1:{p}:{p}"] for name, p in ports.items()}


def test_all_have_a_health_check(services: dict[str, Any]) -> None:
    """`up --wait` waits for them, and so do services for each other."""
    assert not {name for name in services if "healthcheck" not in services[name]}


def test_the_image_has_every_folder_that_is_copied_into_it() -> None:
    allowed = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    for line in (FOLDER / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (FOLDER.parent / source).exists()
                assert f"!{source}" in allowed
