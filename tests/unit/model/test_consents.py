"""What holds of several decisions, whatever the order in which they arrive."""

from __future__ import annotations

import itertools

from chalicelib.model.consents import AddedBy, Decided, after, invitation_of, latest


def test_the_latest_holds_in_any_order() -> None:
    decisions = [Decided("", 3), Decided("blocked", 7), Decided("", 5)]
    for order in itertools.permutations(decisions):
        assert latest(order) == Decided("blocked", 7)
    assert latest([]) is None


def test_of_two_at_once_the_stricter_one_holds() -> None:
    for strict, loose in (
        ("blocked", ""),
        (AddedBy.FRIENDS, AddedBy.EVERYBODY),
        (AddedBy.INVITATION, AddedBy.FRIENDS),
    ):
        pair = [Decided(strict, 7), Decided(loose, 7)]
        assert latest(pair) == latest(pair[::-1]) == Decided(strict, 7)


def test_a_decision_is_later_than_what_was_known() -> None:
    assert after(None, 10) == 10
    assert after(Decided("", 4), 10) == 10
    assert after(Decided("", 15), 10) == 16


def test_what_an_invitation_is() -> None:
    pending = invitation_of("invitation:lobby", Decided("pending:a:b", 5, 100), 99_999)
    assert pending is not None
    assert (pending.room_id, pending.invited_by, pending.declined) == ("lobby", "a:b", False)
    declined = invitation_of("invitation:lobby", Decided("declined:al", 5, 100), 99_999)
    assert declined is not None
    assert declined.declined
    assert invitation_of("invitation:lobby", Decided("pending:al", 5, 100), 100_000) is None
    assert invitation_of("invitation:lobby", Decided("", 5, 100), 0) is None
