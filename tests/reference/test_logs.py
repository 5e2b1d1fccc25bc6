"""logs.md names every event and every field that the code writes, and no other field."""

from __future__ import annotations

import re

from tests.support.paths import ROOT
from workbench.reference import logs

PAGE = (ROOT / "docs/reference/logs.md").read_text()
# Written by `kernel.telemetry` itself, and by the local stack.
OWN = {"level", "event", "function", "took_ms", "cold", "_aws", "error", "place", "traceback"}
# Those that a caller binds to all lines of an invocation, or gives as a dictionary.
BOUND = {"request_id", "connection_id", "message_id", "endpoint", "method", "code", "reason"}


def described() -> set[str]:
    """The fields that the page's tables explain."""
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \|", PAGE, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_field_is_explained() -> None:
    written = {name for event in logs.found().values() for name in event.fields}
    assert sorted(written - described()) == []


def test_no_field_is_explained_that_nobody_writes() -> None:
    written = {name for event in logs.found().values() for name in event.fields}
    events = set(logs.found())
    assert sorted(described() - written - OWN - BOUND - events - invocations()) == []


def invocations() -> set[str]:
    """The events of the lines of invocations, which the page has in a table of their own."""
    table = PAGE[PAGE.index("| event | function |") :].partition("\n\n")[0]
    return set(re.findall(r"`(\w+)`", table))


def test_every_event_of_an_invocation_is_in_the_table() -> None:
    noted = {name for name, event in logs.found().items() if "" in event.levels}
    assert sorted(noted - invocations()) == []


def test_the_calls_are_found() -> None:
    found = logs.found()
    assert len(found) > 100
    assert found["job_failed"].levels == {"ERROR"}
    assert {"attempt", "error", "place"} == found["job_failed"].fields
    assert found["jobs"].levels == {""}
