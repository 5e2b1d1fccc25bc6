"""What a run takes (`--all`, `--stack`), where it goes, and what `REQUIRE_ALL=1` changes.

`REQUIRE_ALL=1` is the setting of a CI run. Every skip is a failure, as CI installs what the tests
need; and hypothesis takes the same examples each time, so that a change is judged by what it
changed. Runs without it search at random.

`make test` runs several workers (pytest-xdist): see tests/support/selection.py.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from operate import surroundings
from tests.support import selection

pytest_plugins = [
    "tests.support.emulator",
    "tests.support.ministack",
    "tests.support.rerun",
    "tests.support.stand_in",
]

# No deadlines: a slow day is no failure.
settings.register_profile("random", deadline=None)
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.load_profile("random")
if os.environ.get("REQUIRE_ALL") == "1":
    settings.load_profile("same")


def pytest_configure() -> None:
    """Tests see neither the developer's AWS nor a proxy on the way to this machine.

    Nor does the product's log go to the standard error of the test that makes the first services.
    """
    surroundings.isolate()
    logging.getLogger("chalicelib").addHandler(logging.NullHandler())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all", action="store_true", help="Run extended tests, too: emulators, Terraform, minutes."
    )
    parser.addoption(
        "--stack", action="append", default=[], help="Run tests/e2e on this stack only."
    )


class Groups(LoadScopeScheduling):
    """What goes to one worker. (pytest-xdist 3.8 marks groups in vain with pytest 9.)"""

    def _split_scope(self, nodeid: str) -> str:
        return selection.group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--all"):
        _leave_out(config, items)
    if "PYTEST_XDIST_WORKER" in os.environ:
        alone = [item for item in items if item.get_closest_marker("alone") is not None]
        if alone:
            config.hook.pytest_deselected(items=alone)
            items[:] = [item for item in items if item not in alone]
        items.sort(key=lambda item: selection.place(item.nodeid))


def _leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    taken, out = [], []
    for item in items:
        extended = item.get_closest_marker("extended") is not None
        stacks = config.getoption("--stack")
        left = selection.left_out(item.nodeid, extended=extended, stacks=stacks)
        (out if left else taken).append(item)
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = taken


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    deselected = terminalreporter.stats.get("deselected")
    on_workers = terminalreporter.config.getoption("numprocesses", None)
    if not terminalreporter.config.getoption("--all") and (deselected or on_workers):
        terminalreporter.write_line(
            "Extended tests are left out; with --all (make test-all) they run."
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
