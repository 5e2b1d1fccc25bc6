"""What users decide about others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.consents import Decided
from ..model.identifiers import UserId


class ConsentStore(Protocol):
    """Decisions of users, by what they are about. With several regions: `model.consents.latest`.

    Strongly consistent in a region. Decisions that have expired may still be returned.
    """

    def get(self, asked: Sequence[tuple[UserId, str]]) -> Mapping[tuple[UserId, str], Decided]:
        """The decisions of these users about these things, where there are any."""

    def under(self, user_id: UserId, prefix: str) -> Mapping[str, Decided]:
        """A user's decisions about all things that start like this, by what they are about."""

    def put(self, user_id: UserId, about: str, decided: Decided) -> None:
        """Keep a decision, later than all that were known."""
