"""Shapes: the fields are the JSON's, by the same names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields

import pytest

from chalicelib.contract import acks
from chalicelib.contract.events import EVENTS
from chalicelib.contract.shapes import OPTIONAL, Shape
from tests.support.examples import example


@dataclass(frozen=True, slots=True)
class Small(Shape):
    required: str | None
    optional: int | None = field(default=None, metadata=OPTIONAL)


def test_optional_fields_are_left_out_while_they_are_none() -> None:
    assert Small(None).data() == {"required": None}
    assert Small("x", 0).data() == {"required": "x", "optional": 0}


def test_it_is_read_back_without_what_this_version_does_not_know() -> None:
    assert Small.of_data({"required": "x", "added_later": 1}) == Small("x")
    with pytest.raises(TypeError):
        Small.of_data({"optional": 1})


@pytest.mark.parametrize("shape", [*EVENTS.values(), acks.Hello, acks.Sent, acks.RoomPosition])
def test_each_flat_shape_comes_back_from_its_json(shape: type[Shape]) -> None:
    shown = example(shape)
    data = json.loads(json.dumps(shown.data()))
    assert set(data) == {
        each.name
        for each in fields(shape)
        if "optional" not in each.metadata  # type: ignore[arg-type]
    }
    assert shape.of_data(data) == shown


def test_no_event_has_a_dict_of_its_own() -> None:
    """Slots forgotten in one class cost memory for each receiver of each message."""
    for event in EVENTS.values():
        assert not hasattr(example(event), "__dict__"), event
