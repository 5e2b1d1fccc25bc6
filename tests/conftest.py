"""What `REQUIRE_ALL=1` changes, the setting of a CI run.

Every skip is a failure, as CI installs what the tests need; and hypothesis takes the same examples
each time, so that a change is judged by what it changed. Runs without it search at random.

`make test` runs two workers (pytest-xdist), as the deployed stacks mostly wait for emulators. What
shares a folder goes to one of them, and so do the tests of a deployed stack in tests/e2e: fixtures
are started once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from workbench.stack import surroundings

SLOWEST = {"localstack": 0, "ministack": 1}  # stacks of tests/e2e

settings.register_profile("same", derandomize=True, database=None)
if os.environ.get("REQUIRE_ALL") == "1":
    settings.load_profile("same")


def pytest_configure() -> None:
    """Tests see neither the developer's AWS nor a proxy on the way to this machine."""
    surroundings.isolate()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack", action="append", default=[], help="Run tests/e2e on this stack only."
    )


class Groups(LoadScopeScheduling):
    """What goes to one worker. (pytest-xdist 3.8 marks groups in vain with pytest 9.)"""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers begin with what takes longest."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: SLOWEST.get(_group(item.nodeid), len(SLOWEST)))


def _group(nodeid: str) -> str:
    """A folder of tests/, or a deployed stack of tests/e2e."""
    folder = nodeid.split("/")[1]
    on = re.search(r"\[(ministack|localstack)\b", nodeid) if folder == "e2e" else None
    return on[1] if on else folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but REQUIRE_ALL is set: {report.longrepr}"
    return report
