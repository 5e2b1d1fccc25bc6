"""The functions' environment has the names that chalicelib/kernel/settings.py reads."""

from __future__ import annotations

import json
import re

import pytest

from chalicelib.kernel.settings import Settings
from tests.support.paths import ROOT

APP = ROOT / "terraform" / "modules" / "app"

# Lambda sets the region and the role's credentials. The secret is in Secrets Manager; only local
# runs have it in a variable.
NOT_TERRAFORMS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "TIDINGS_JWT_SECRET",
}


def read_by_the_code() -> set[str]:
    text = (ROOT / "chalicelib/kernel/settings.py").read_text()
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


@pytest.mark.parametrize(
    "origin",
    [
        "https://chat.example.com",
        "http://localhost:8080",
        "http://[::1]:8080",
        "https://Chat.example.com",
        "https://chat.example.com/",
        "https://chat_1.example.com",
        "https://*.example.com",
        "https://user@chat.example.com",
        "chat.example.com",
        "https://",
    ],
)
def test_origins_that_terraform_takes_are_those_that_functions_take(origin: str) -> None:
    text = (APP / "variables.tf").read_text()
    [pattern] = re.findall(r'regex\("(.+?)", origin\)', text)
    taken = re.search(json.loads(f'"{pattern}"'), origin) is not None
    try:
        Settings.from_env({"TIDINGS_ALLOWED_ORIGINS": origin})
    except ValueError:
        assert not taken
    else:
        assert taken


def test_a_setting_is_set_in_one_place() -> None:
    assert not set_by_terraform() & accepted_by_terraform()
