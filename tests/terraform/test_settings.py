"""The functions' environment has the names that chalicelib/kernel/settings.py reads."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib.kernel.settings import SettingError, Settings
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


def forms() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((APP / "settings.json").read_text())
    return found


def accepted_by_terraform() -> set[str]:
    return set(forms())


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


# Texts that a person might write, and those at the bounds.
PROBES = (
    "0", "1", "-1", "+1", "01", "1.5", "1_000", " 1", "59", "60", "1000000000", "1000000001",
    "1e3", "3153600000", "3153600001", "many", "true", "yes", "INFO", "info", "WARNING", "WARN",
    "0.1", "1.0", "1.1", "0.0", ".5", "friends", "Friends", "global", "refuse",
    "{}", "[]", "{nope", "null", "5", "[50, 100]", "[0.5, 1]", "[1, 0.5]", "[0, 1]", "[1]",
    '{"sync": [1, 2]}', '{"sync": [1]}', '{"sync": [1, 0]}', '{"sync": ["1", 1]}', '{"sync": 1}',
    '{"moments": "global"}', "https://example.com", "http://127.0.0.1:4566", "example.com",
)  # fmt: skip

# Of JSON and of issuers, modules/app/tests/settings.tftest.hcl has examples.
_BY_EXAMPLE = {"TIDINGS_JWKS_URL", "TIDINGS_JWT_AUDIENCE"}
PLAIN = [name for name, form in forms().items() if "json" not in form and name not in _BY_EXAMPLE]


def taken_by_terraform(form: dict[str, Any], text: str) -> bool:
    """As the validations of the variable say it."""
    if "least" in form:
        is_whole = re.fullmatch("[0-9]{1,15}", text) is not None
        return is_whole and form["least"] <= int(text) <= form["most"]
    if "one_of" in form:
        return text in form["one_of"]
    if "pattern" in form:
        return re.search(form["pattern"], text) is not None
    return True


def taken_by_functions(name: str, text: str) -> bool:
    try:
        Settings.from_env({name: text})
    except SettingError as fault:
        if fault.name != name:
            raise
        return False
    return True


@pytest.mark.parametrize("name", PLAIN)
def test_texts_that_terraform_takes_are_those_that_functions_take(name: str) -> None:
    form = forms()[name]
    for text in PROBES:
        assert taken_by_terraform(form, text) == taken_by_functions(name, text), text
