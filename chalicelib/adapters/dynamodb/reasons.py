"""Why DynamoDB refused the transaction that appends to a stream.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .table import CONFLICT, FAILED, Item

_HEAD = "head"


@dataclass(frozen=True, slots=True)
class Reasons:
    """A code for each write, by its name in `DynamoMessageLog`, and the item that is in the way.

    A failed condition returns the item on which it failed. A conflict with another running
    transaction returns nothing.
    """

    by: Mapping[str, Item]

    @property
    def head(self) -> Item | None:
        """The true head, if the condition on it failed."""
        return self.by.get(_HEAD, {}).get("Item") if self._code(_HEAD) == FAILED else None

    @property
    def outrun(self) -> bool:
        """Whether another writer was faster, or is just writing."""
        taken = FAILED in (self._code(_HEAD), *self._codes("entry"))
        return taken or CONFLICT in (self._code(name) for name in self.by)

    def dedupe(self, number: int) -> Item | None:
        """The reason of this entry's dedupe item; None if it is not in the way."""
        reason = self.by.get(f"dedupe#{number}", {})
        return reason if reason.get("Code", "None") != "None" else None

    def no_target(self, number: int) -> bool:
        return self._code(f"target#{number}") == FAILED

    def _code(self, name: str) -> str:
        return str(self.by.get(name, {}).get("Code", "None"))

    def _codes(self, kind: str) -> Iterator[str]:
        return (self._code(name) for name in self.by if name.startswith(f"{kind}#"))
