"""What `make test` and `make test-all` run, and where."""

from __future__ import annotations

import pytest

from tests.support.selection import LONGEST, group, left_out, place

UNIT = "tests/unit/kernel/test_records.py::test_one[localstack]"
SCENARIO = "tests/scenarios/recovery/test_faults.py::test_one"
EMBEDDED = "tests/e2e/test_chat.py::test_one[embedded-x]"
DEPLOYED = "tests/e2e/test_chat.py::test_one[ministack-x]"
LOCALSTACK = "tests/localstack/test_up.py::test_one"
PAGE = "tests/page/test_page.py::test_one"


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        (UNIT, "unit/kernel/test_records.py"),
        ("tests/unit/test_actions.py::TestOne::test_two", "unit/test_actions.py"),
        (SCENARIO, "scenarios/recovery/test_faults.py"),
        ("tests/scenarios/once/test_faults.py::test_one", "scenarios/once/test_faults.py"),
        ("tests/gateway/test_http.py::test_one[tests/unit]", "gateway"),
        ("tests/stack/test_up.py::test_one[ministack]", "stack"),
        (EMBEDDED, "e2e"),
        (DEPLOYED, "ministack"),
        ("tests/e2e/test_chat.py::test_one[localstack]", "localstack"),
        (LOCALSTACK, "localstack"),
    ],
)
def test_a_worker_gets_a_whole_group(nodeid: str, name: str) -> None:
    assert group(nodeid) == name


def test_the_longest_come_first() -> None:
    assert sorted([UNIT, EMBEDDED, LOCALSTACK], key=place) == [LOCALSTACK, EMBEDDED, UNIT]
    assert place(UNIT) == len(LONGEST)


def test_what_deploys_is_left_out_unless_its_stack_is_named() -> None:
    for nodeid in (UNIT, EMBEDDED):
        assert not left_out(nodeid, extended=False, stacks=[]), nodeid
    for nodeid in (DEPLOYED, LOCALSTACK, PAGE):
        assert left_out(nodeid, extended=False, stacks=[]), nodeid
    assert not left_out(DEPLOYED, extended=False, stacks=["ministack"])
    assert left_out(LOCALSTACK, extended=False, stacks=["ministack"])


def test_so_is_what_is_marked() -> None:
    assert left_out(UNIT, extended=True, stacks=[])
    assert left_out(EMBEDDED, extended=True, stacks=["embedded"])
