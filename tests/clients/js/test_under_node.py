"""The tests of clients/js, under Node: the modules alone, and the package with what it may need."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.node import client_packages, node

HERE = Path(__file__).parent


def run(folder: Path) -> None:
    files = sorted(path.name for path in folder.glob("*.test.mjs"))
    assert files
    done = subprocess.run(
        [node(), "--test", *files], cwd=folder, capture_output=True, text=True, timeout=150
    )
    print("\n".join(line for line in done.stdout.splitlines() if " bytes of " in line))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_client_module_under_node() -> None:
    run(HERE)


def test_the_package_with_its_types_its_size_and_react() -> None:
    client_packages()
    run(HERE / "package")
