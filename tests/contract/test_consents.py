"""Decisions of users: kept, found by what they are about, merged over regions."""

from __future__ import annotations

from chalicelib.model.consents import Decided, block_of, invitation_to
from tests.support.stores import ANNA, BEN, LOBBY, OTHER, Stores


class TestOneRegion:
    def test_the_last_decision_on_a_thing_holds(self, stores: Stores) -> None:
        consents = stores.consents
        assert consents.get([(ANNA, block_of(BEN))]) == {}
        consents.put(ANNA, block_of(BEN), Decided("blocked", 1))
        consents.put(ANNA, block_of(BEN), Decided("", 2))
        consents.put(BEN, block_of(ANNA), Decided("blocked", 3))
        asked = [(ANNA, block_of(BEN)), (BEN, block_of(ANNA)), (BEN, "added_by")]
        assert consents.get([*asked, asked[0]]) == {
            asked[0]: Decided("", 2),
            asked[1]: Decided("blocked", 3),
        }

    def test_they_are_found_by_their_beginning(self, stores: Stores) -> None:
        consents = stores.consents
        consents.put(ANNA, invitation_to(LOBBY), Decided("pending:ben", 4, 9_000_000_000))
        consents.put(ANNA, invitation_to(OTHER), Decided("pending:ben", 5))
        consents.put(ANNA, "added_by", Decided("friends", 6))
        assert consents.under(ANNA, "invitation:") == {
            invitation_to(LOBBY): Decided("pending:ben", 4, 9_000_000_000),
            invitation_to(OTHER): Decided("pending:ben", 5),
        }
        assert consents.under(BEN, "invitation:") == {}
        assert consents.get([]) == {}

    def test_a_name_that_begins_another_one_is_its_own(self, stores: Stores) -> None:
        stores.consents.put(ANNA, "block:bob", Decided("blocked", 1))
        assert stores.consents.get([(ANNA, "block:bo")]) == {}


def test_regions_keep_their_own_and_the_latest_holds(
    here: Stores, there: Stores, alone: Stores
) -> None:
    about = block_of(BEN)
    alone.consents.put(ANNA, about, Decided("blocked", 1))
    assert here.consents.get([(ANNA, about)]) == {(ANNA, about): Decided("blocked", 1)}
    here.consents.put(ANNA, about, Decided("", 5))
    there.consents.put(ANNA, about, Decided("blocked", 4))
    for each in (here, there):
        assert each.consents.under(ANNA, "block:") == {about: Decided("", 5)}
    there.consents.put(ANNA, about, Decided("blocked", 6))
    for each in (here, there):
        assert each.consents.get([(ANNA, about)]) == {(ANNA, about): Decided("blocked", 6)}
