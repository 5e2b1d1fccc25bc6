"""What `tidings chat` shows as it is, and what it makes harmless."""

from __future__ import annotations

import pytest

from workbench.cli.chat import harmless


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # Persian, with a zero-width non-joiner
        "👩\u200d👩\u200d👧",
        "日本\u3000語",  # an ideographic space
        "12\u202f000\u00a0€, a\u2009b\u2003c",  # narrow, no-break, thin and em spaces
        "🇩🇪🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # flags
        "\U0001fae9 \U0001fadf \U0001f6d8",  # newer than this Python's tables, or than any
        "שלום\u200f, \u200eabc, \u061c٣",  # marks of a direction, which turn nothing around them
        "soft\u00adhyphen, word\u2060joiner, \ufeff, \ue000, \ufffd",
        "é e\u0301 ❤\ufe0f",
    ],
)
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc\x00\x7f", "a\\nb\\r\\tc\\x00\\x7f"),
        ("a\x85b\u2028c\u2029", "a\\x85b\\u2028c\\u2029"),
        ("\u202a\u202b\u202c\u202d\u202e", "\\u202a\\u202b\\u202c\\u202d\\u202e"),
        ("\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_acts_on_is_escaped(text: str, shown: str) -> None:
    assert harmless(text) == shown
