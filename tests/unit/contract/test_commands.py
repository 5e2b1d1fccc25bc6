"""Commands: strict, bounded, and an error text that names the field, never its value."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contract import commands
from chalicelib.kernel.errors import BadRequest, TooLarge
from tests.support.nesting import DEEPEST, TOO_DEEP

SECRET = "a-value-that-no-error-may-show"
MESSAGE = {"conversation_id": "lobby", "message_type": "text", "content": None}


def refusal(model: type[commands.Command], data: Any) -> str:
    with pytest.raises(BadRequest) as found:
        commands.parse(model, data)
    return str(found.value)


def test_a_command() -> None:
    sent = commands.parse(commands.SendMessage, {**MESSAGE, "content": DEEPEST})
    assert (sent.conversation_id, sent.content) == ("lobby", DEEPEST)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("conversation_id", f"{SECRET}/"),
        ("conversation_id", "."),
        ("message_type", [SECRET]),
        ("client_message_id", f"{SECRET} "),
        ("reply_to_message_id", SECRET),
        ("delivery_receipt", SECRET),
        ("content", TOO_DEEP),
        ("unknown", SECRET),
    ],
)
def test_a_refusal_names_the_field_and_not_its_value(field: str, value: Any) -> None:
    text = refusal(commands.SendMessage, {**MESSAGE, field: value})
    assert text.startswith(f"{field}: ")
    assert SECRET not in text
    assert len(text) <= 200


@pytest.mark.parametrize("data", [None, [], 7, "x"])
def test_data_that_are_no_object(data: Any) -> None:
    assert refusal(commands.Nothing, data).startswith("data: ")


def test_a_name_of_a_field_is_shown_in_ascii_and_short() -> None:
    text = refusal(commands.Nothing, {"é" * 500: 1})
    assert text.isascii()
    assert len(text) <= 200


@pytest.mark.parametrize(("limit", "taken"), [(5, 5), (5.0, 5), (1, 1), (500, 500)])
def test_json_has_one_kind_of_number(limit: float, taken: int) -> None:
    assert commands.parse(commands.Sync, {"positions": {}, "limit": limit}).limit == taken


@pytest.mark.parametrize("limit", [0, 501, 5.5, "5", True, None])
def test_limits_that_are_none(limit: Any) -> None:
    assert refusal(commands.Sync, {"positions": {}, "limit": limit}).startswith("limit")


def test_after_room_goes_with_all_rooms_only() -> None:
    assert commands.parse(commands.Sync, {"positions": {}, "after_room": "a"}).after_room == "a"
    assert "after_room" in refusal(commands.Sync, {"positions": {"a": ""}, "after_room": "a"})


def test_json_is_measured_in_bytes_of_utf_8() -> None:
    commands.check_json("я" * 4, 10, "content")
    with pytest.raises(TooLarge, match="content: 12 bytes, the limit is 10"):
        commands.check_json("я" * 5, 10, "content")


@pytest.mark.parametrize("value", ["\ud800", float("nan"), TOO_DEEP])
def test_what_json_cannot_carry(value: Any) -> None:
    with pytest.raises(BadRequest, match="content"):
        commands.check_json(value, 10_000, "content")


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("x", 1),
        ("x" * 8_190, 1),
        ("x" * 8_191, 2),
        ("x" * 65_534, 57),
        ("\ud800", 1),
        (float("nan"), 1),
        ("x" * 65_535, 1),
    ],
)
def test_a_message_pays_by_its_size_if_it_can_be_stored(content: object, tokens: int) -> None:
    data = {"conversation_id": "lobby", "message_type": "text", "content": content}
    assert commands.parse(commands.SendMessage, data).tokens == tokens
