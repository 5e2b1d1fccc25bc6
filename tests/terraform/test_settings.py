"""The functions' environment and what chalicelib/settings.py reads: the same names."""

from __future__ import annotations

import json
import re

from .conftest import ROOT

APP = ROOT / "terraform" / "modules" / "app"

# Lambda sets it; and the secret is in Secrets Manager, for local runs only in the environment.
NOT_TERRAFORMS = {"AWS_REGION", "TIDINGS_JWT_SECRET"}


def read_by_the_code() -> set[str]:
    text = (ROOT / "chalicelib" / "settings.py").read_text()
    body = text[text.index("def from_env") :]
    return set(re.findall(r'"((?:TIDINGS|AWS)_[A-Z0-9_]+)"', body))


def set_by_terraform() -> set[str]:
    text = (APP / "environment.tf").read_text()
    return set(re.findall(r"^\s+((?:TIDINGS|AWS)_[A-Z0-9_]+)\s+=", text, re.M))


def accepted_by_terraform() -> set[str]:
    return set(json.loads((APP / "settings.json").read_text()))


def test_every_setting_can_be_set_and_none_else() -> None:
    settable = set_by_terraform() | accepted_by_terraform()
    assert read_by_the_code() - NOT_TERRAFORMS == settable


def test_a_setting_is_set_in_one_place() -> None:
    assert not set_by_terraform() & accepted_by_terraform()
