"""What `REQUIRE_ALL=1` changes, the setting of a CI run.

Every skip is a failure, as CI installs what the tests need; and hypothesis takes the same examples
each time, so that a change is judged by what it changed. Runs without it search at random.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, database=None)
if os.environ.get("REQUIRE_ALL") == "1":
    settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack", action="append", default=[], help="Run tests/e2e on this stack only."
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but REQUIRE_ALL is set: {report.longrepr}"
    return report
