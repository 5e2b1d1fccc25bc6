"""What a write to DynamoDB changes, and which of two changes of an item stays. Pure.

Global tables with eventual consistency copy whole items, one by one, and the last writer wins by
time: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

# As DynamoDB writes them in JSON: {"S": "…"} and the like, by attribute.
Attributes = Mapping[str, Any]
# The names of a table's key attributes, by the table's name.
KeyNames = Mapping[str, tuple[str, ...]]

WRITES = frozenset(("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"))


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """When and where an item was last written; the greater one wins.

    Attributes:
        at_ns: Nanoseconds since 1970, by the clock of the region's DynamoDB.
        region: Decides between writes of the same instant, everywhere alike.
    """

    at_ns: int
    region: str


# Of what was there before anybody counted.
OLDEST = Version(0, "")


@dataclass(frozen=True, slots=True)
class ItemKey:
    """An item's place.

    Attributes:
        key: Its key attributes as JSON, sorted by name.
    """

    table: str
    key: str

    @classmethod
    def of(cls, table: str, names: tuple[str, ...], attributes: Attributes) -> ItemKey:
        key = {name: attributes[name] for name in sorted(names)}
        return cls(table, json.dumps(key, separators=(",", ":")))

    @property
    def attributes(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.key)
        return parsed


@dataclass(frozen=True, slots=True)
class Change:
    """An item as a write has left it.

    Attributes:
        item: All of its attributes, None when it was deleted.
    """

    place: ItemKey
    version: Version
    item: Attributes | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        return cls(ItemKey(**data["place"]), Version(**data["version"]), data["item"])


class Versions:
    """The newest version of each item that this region knows, deleted ones included."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._versions: dict[ItemKey, Version] = {}

    def of(self, place: ItemKey) -> Version:
        return self._versions.get(place, OLDEST)

    def written(self, place: ItemKey, now_ns: int) -> Version:
        """Note a write of this region. It is later than whatever it has overwritten."""
        version = Version(max(now_ns, self.of(place).at_ns + 1), self._region)
        self._versions[place] = version
        return version

    def beats(self, place: ItemKey, version: Version) -> bool:
        """Whether a copied change replaces what is here."""
        return version > self.of(place)

    def copied(self, place: ItemKey, version: Version) -> None:
        """Note a change that has replaced what was here."""
        self._versions[place] = version

    def places(self) -> list[ItemKey]:
        return list(self._versions)


def written_by(operation: str, request: Mapping[str, Any], keys: KeyNames) -> list[ItemKey]:
    """The places that a write may have changed, each once; of tables in `keys` only."""
    places = dict.fromkeys(_places(operation, request, keys))
    return list(places)


def _places(operation: str, request: Mapping[str, Any], keys: KeyNames) -> Iterator[ItemKey]:
    if operation == "TransactWriteItems":
        for each in request["TransactItems"]:
            for kind, one in each.items():
                if kind != "ConditionCheck":
                    yield from _place(one["TableName"], one, keys)
    elif operation == "BatchWriteItem":
        for table, requests in request["RequestItems"].items():
            for each in requests:
                for one in each.values():
                    yield from _place(table, one, keys)
    elif operation in WRITES:
        yield from _place(request["TableName"], request, keys)


def _place(table: str, request: Mapping[str, Any], keys: KeyNames) -> Iterator[ItemKey]:
    if table in keys:
        yield ItemKey.of(table, keys[table], request.get("Key") or request["Item"])
