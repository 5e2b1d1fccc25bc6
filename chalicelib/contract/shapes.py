"""What clients see as frozen dataclasses: the fields are the JSON's, by the same names.

Events and acks are shapes. `fields(shape)` is therefore the reference of what is on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


class Shape:
    """Base of frozen dataclasses that clients see."""

    __slots__ = ()

    def data(self) -> dict[str, Any]:
        """As JSON. Fields marked `OPTIONAL` are left out while they are None."""
        return {
            name: value
            for name, omitted in _wire_fields(type(self))
            if (value := getattr(self, name)) is not None or not omitted
        }

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> Any:
        """The shape of such JSON; fields that this version does not know are dropped.

        Raises:
            TypeError: A field is missing.
        """
        known = {name for name, _ in _wire_fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


OPTIONAL: Mapping[str, bool] = {"optional": True}
_WIRE_FIELDS: dict[type[Shape], tuple[tuple[str, bool], ...]] = {}


def _wire_fields(shape: type[Shape]) -> tuple[tuple[str, bool], ...]:
    """Name, and whether it is left out while None, of each field."""
    known = _WIRE_FIELDS.get(shape)
    if known is None:
        described = fields(shape)  # type: ignore[arg-type]  # each shape is a dataclass
        known = tuple((each.name, "optional" in each.metadata) for each in described)
        _WIRE_FIELDS[shape] = known
    return known
