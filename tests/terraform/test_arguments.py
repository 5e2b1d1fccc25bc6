"""Arguments between Terraform modules: each variable is passed, from one of the same name.

Mocked providers do not detect it: a key, limit or replica that is not passed has its default.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TERRAFORM = ROOT / "terraform"
MODULES = TERRAFORM / "modules"
META = {"source", "count", "for_each", "providers", "depends_on"}

# Variables that keep the module's default, and why.
NOT_GIVEN = {
    ("cache", "engine_version"),  # the default is the tested version
    ("monitoring", "tags"),  # the provider's default tags are on everything
    ("edge", "tags"),
    ("region", "streams"),  # the primary has its own
    ("region", "primary"),  # it is the primary region unless it is the second
}
# Variables whose value has another name; tests on mocked providers check these.
OF_ANOTHER_NAME = {
    ("app", "redis"),
    ("app", "vpc"),
    ("monitoring", "functions"),
    ("monitoring", "http_api_id"),
    ("monitoring", "tables"),
    ("monitoring", "table_indexes"),
    ("monitoring", "global_tables"),
    ("tables", "replica_kms_key_arns"),
    ("region", "peers"),
    ("region", "regions"),
    ("app", "streams"),
}


def _calls(path: Path) -> dict[str, dict[str, str]]:
    """Arguments and their expressions, if on one line, by the called module."""
    found: dict[str, dict[str, str]] = {}
    for body in re.findall(r'^module "[^"]+" \{\n(.*?)^\}', path.read_text(), re.M | re.S):
        arguments = dict(re.findall(r"^  (\w+)\s+= (.*)$", body, re.M))
        found[arguments["source"].strip('"').rpartition("/")[2]] = arguments
    return found


def _variables(module: str) -> set[str]:
    return set(
        re.findall(r'^variable "(\w+)"', (MODULES / module / "variables.tf").read_text(), re.M)
    )


@pytest.mark.parametrize("path", ["main.tf", "modules/region/main.tf"])
def test_every_variable_of_a_module_is_given(path: str) -> None:
    calls = _calls(TERRAFORM / path)
    assert calls
    for module, arguments in calls.items():
        left = {name for part, name in NOT_GIVEN if part == module}
        assert _variables(module) - left == arguments.keys() - META, module


@pytest.mark.parametrize("path", ["main.tf", "modules/region/main.tf"])
def test_a_value_goes_to_the_variable_of_its_name(path: str) -> None:
    for module, arguments in _calls(TERRAFORM / path).items():
        for name, value in arguments.items():
            reference = re.fullmatch(r"(?:var|local|module)[\w.]*\.(\w+)", value)
            if reference and name not in META and (module, name) not in OF_ANOTHER_NAME:
                assert reference[1] == name, f"{module}: {name} = {value}"


def test_both_regions_are_given_the_same() -> None:
    text = (TERRAFORM / "main.tf").read_text()
    blocks = re.findall(r'^(?:# )?module "(\w+)" \{\n(.*?)^(?:# )?\}', text, re.M | re.S)
    given = {
        name: set(re.findall(r"^(?:# )?  (\w+)\s+= ", body, re.M)) - {"primary", "streams"}
        for name, body in blocks
        if "modules/region" in body
    }
    assert (
        given["eu_west_1"] | {"secret_recovery_days", "connections_url", "aws_endpoint_url"}
        == given["primary"]
    )
