"""Which records of which tables call `replicated`."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.stack import resources
from workbench.stack.regions.filters import matches, patterns

HERE, THERE = "us-east-1", "eu-west-1"


def passes(table: str, record: dict[str, Any], *, several: bool = True) -> bool:
    """Whether the function gets a record of a table."""
    return any(matches(each, record) for each in patterns(HERE, several=several)[table])


def record(name: str, entry: str | None = None, region: str | None = THERE) -> dict[str, Any]:
    keys = {"entry": {"S": entry}} if entry is not None else {"room_id": {"S": "r"}}
    written_by = {"region": {"S": region}} if region is not None else {}
    return {"eventName": name, "dynamodb": {"Keys": keys, "NewImage": {**keys, **written_by}}}


@pytest.mark.parametrize(
    ("entry", "name", "does"),
    [
        ("e#0123", "INSERT", True),
        ("e#0123", "MODIFY", False),
        ("#eu-west-1#ada#1", "INSERT", True),
        ("head", "INSERT", False),
        ("head", "MODIFY", False),
    ],
)
def test_of_messages_new_entries_and_dedupe_items(entry: str, name: str, does: bool) -> None:
    assert passes("messages", record(name, entry)) is does


@pytest.mark.parametrize("several", [True, False])
def test_of_its_own_writes_new_entries(several: bool) -> None:
    assert passes("messages", record("INSERT", "e#0123", HERE), several=several)
    for entry, name in (("e#0123", "MODIFY"), ("#ada#1", "INSERT"), ("head", "INSERT")):
        assert not passes("messages", record(name, entry, HERE), several=several), entry
    assert set(patterns(HERE, several=False)) == {"messages"}


@pytest.mark.parametrize(
    "table", ["rooms", "memberships", "friends", "revocations", "presence", "reads"]
)
def test_of_other_tables_what_is_there_now(table: str) -> None:
    assert passes(table, record("INSERT"))
    assert passes(table, record("MODIFY"))
    assert not passes(table, record("REMOVE"))


def test_of_other_tables_only_what_another_region_has_written() -> None:
    for table in patterns(HERE, several=True):
        own = record("INSERT", "e#0123", HERE)
        assert passes(table, own) is (table == "messages")
        assert not passes(table, record("INSERT", "e#0123", None))
        removed = record("INSERT", "e#0123")
        del removed["dynamodb"]["NewImage"]
        assert not passes(table, removed)


def test_they_are_those_that_terraform_carries() -> None:
    tables = resources.load()["tables"].items()
    assert set(patterns(HERE, several=True)) == {
        name for name, table in tables if table.get("carried")
    }


def test_a_rule_that_is_not_known_is_no_match_by_mistake() -> None:
    with pytest.raises(ValueError, match="numeric"):
        matches({"eventName": [{"numeric": [">", 1]}]}, record("INSERT"))
