"""Shapes: frozen dataclasses whose fields are those of the JSON that clients get.

Events and acks are shapes, so `fields(shape)` is the reference of what is on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


class Shape:
    """Base of frozen dataclasses that clients see."""

    __slots__ = ()

    def data(self) -> dict[str, Any]:
        """Return the shape as JSON, without fields marked `OPTIONAL` that are None."""
        return {
            name: value
            for name, omitted in _wire_fields(type(self))
            if (value := getattr(self, name)) is not None or not omitted
        }

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> Any:
        """Return the shape from its JSON; fields that this version does not know are dropped.

        Raises:
            TypeError: A field is missing.
        """
        known = {name for name, _ in _wire_fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


OPTIONAL: Mapping[str, bool] = {"optional": True}
_WIRE_FIELDS: dict[type[Shape], tuple[tuple[str, bool], ...]] = {}


def _wire_fields(shape: type[Shape]) -> tuple[tuple[str, bool], ...]:
    """Return, for each field, its name and whether it is left out when it is None."""
    known = _WIRE_FIELDS.get(shape)
    if known is None:
        described = fields(shape)  # type: ignore[arg-type]  # each shape is a dataclass
        known = tuple((each.name, "optional" in each.metadata) for each in described)
        _WIRE_FIELDS[shape] = known
    return known
