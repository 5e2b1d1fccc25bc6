"""The pages of the clients have every public name; how declarations are found."""

from __future__ import annotations

import re

import pytest

import tidings_client
import tidings_client.sync
from tests.support.paths import ROOT
from workbench.reference import clients

REFERENCE = ROOT / "docs/reference"


@pytest.mark.parametrize("entry", ["tidings", "react", "socketio"])
def test_every_declaration_of_the_javascript_client_is_on_its_page(entry: str) -> None:
    page = (REFERENCE / "client-js.md").read_text()
    names = clients.exports(entry)
    assert names
    for name in names:
        assert clients.declaration(entry, name) in page, name


def test_every_class_of_the_python_client_is_on_its_page() -> None:
    page = (REFERENCE / "client-python.md").read_text()
    classes = [getattr(tidings_client, name) for name in tidings_client.__all__]
    owners = [each for each in classes if isinstance(each, type) and each is not dict]
    for owner in [*owners, tidings_client.sync.Client]:
        if owner is tidings_client.Event:
            continue
        assert f"class {owner.__name__}(" in page, owner
        for member in clients.members(owner):
            assert re.search(rf"(^    (async def |def )?|[(, ]){member}[(:]", page, re.MULTILINE), (
                member
            )


def test_a_class_is_shown_with_its_defaults_and_texts() -> None:
    shown = clients.python("tidings_client.TidingsClient")
    assert "    api: str | None = ''," in shown
    assert "    reason: dict[str, str] | None\n        Why there is no connection" in shown
    assert "self" not in shown.split()


def test_a_declaration_ends_where_the_next_one_begins() -> None:
    found = clients.declaration("tidings", "Reason")
    assert found.startswith("/** Why there is no connection. */\nexport interface Reason {")
    assert found.endswith("}")
    with pytest.raises(ValueError, match="has no Nothing"):
        clients.declaration("tidings", "Nothing")
