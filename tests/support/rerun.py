"""`--rerun`: a few tests that failed beside others run once more, with nothing beside them.

What fails again is broken and fails the run. What holds now depends on the machine's load: the run
passes, and names it at its end as unstable, to be mended. More than `MOST` failures are no noise.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

MOST = 3
_unstable = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rerun",
        action="store_true",
        help=f"Run up to {MOST} failed tests again by themselves; fail if they fail again.",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or exitstatus != pytest.ExitCode.TESTS_FAILED or session.shouldfail:
        return  # a worker; nothing failed, or something stopped the run; it did not run everything
    reports = reporter.getreports("failed") + reporter.getreports("error")
    failed = sorted({report.nodeid for report in reports})
    if not config.getoption("--rerun") or not 1 <= len(failed) <= MOST:
        return
    extended = ["--all"] if config.getoption("--all", False) else []
    command = [sys.executable, "-m", "pytest", *extended, *failed]
    again = subprocess.run(command, cwd=config.rootpath, check=False)
    if again.returncode == pytest.ExitCode.OK:
        config.stash[_unstable] = failed
        session.exitstatus = pytest.ExitCode.OK


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for test in config.stash.get(_unstable, []):
        terminalreporter.write_line(f"UNSTABLE {test}: failed beside others, held by itself")
