"""Randomness is the operating system's, in the forms that its callers need."""

from __future__ import annotations

from chalicelib.adapters.system import SystemIds
from chalicelib.kernel import ids


def test_tokens_are_ids_and_differ() -> None:
    tokens = [SystemIds().token() for _ in range(100)]
    assert len(set(tokens)) == 100
    assert all(ids.decode(token) >= 0 for token in tokens)


def test_entropy_fits_an_id_and_jitter_is_a_share() -> None:
    for _ in range(100):
        assert 0 <= SystemIds().entropy() < 2**64
        assert 0 <= SystemIds().jitter() < 1
