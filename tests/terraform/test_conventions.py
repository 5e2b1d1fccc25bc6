"""What a linter for Terraform would find in modules and roots: unused, untyped or unpinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TERRAFORM = ROOT / "terraform"
FOLDERS = sorted(
    path.parent.relative_to(TERRAFORM).as_posix()
    for path in TERRAFORM.rglob("versions.tf")
    if "tests" not in path.relative_to(TERRAFORM).parts and ".terraform" not in path.parts
)
_BLOCK = r'^{kind}(?: "[^"]+")? "([^"]+)" \{{(?:\n(.*?)^)?\}}'
# Arguments of resources used here that version 6 of the provider has removed.
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/version-6-upgrade
_REMOVED = {
    "aws_api_gateway_account": "reset_on_delete",
    "aws_eip": "vpc",
    "aws_flow_log": "log_group_name",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@pytest.mark.parametrize("folder", FOLDERS)
def test_variables_are_typed_and_described(folder: str) -> None:
    for kind, attributes in {
        "variable": ("type", "description"),
        "output": ("description",),
    }.items():
        for name, body in _blocks(folder, kind):
            for attribute in attributes:
                assert re.search(rf"^  {attribute}\s*=", body, re.M), f"{kind} {name}: {attribute}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_declared_is_used(folder: str) -> None:
    text = _text(folder)
    unused = [f"var.{name}" for name, _ in _blocks(folder, "variable") if not _uses(folder, name)]
    unused += [
        f"local.{name}"
        for block in re.findall(r"^locals \{\n(.*?)^\}", text, re.M | re.S)
        for name in re.findall(r"^  (\w+)\s+= ", block, re.M)
        if not re.search(rf"\blocal\.{name}\b", text)
    ]
    unused += [
        f"data.{kind}.{name}"
        for kind, name in re.findall(r'^data "([^"]+)" "([^"]+)"', text, re.M)
        if not re.search(rf"\bdata\.{kind}\.{name}\b", text)
    ]
    assert unused == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_are_in_snake_case(folder: str) -> None:
    for kind in ("variable", "output", "resource", "data", "module"):
        for name, _ in _blocks(folder, kind):
            assert _NAME.fullmatch(name), f"{kind} {name}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_versions_are_pinned(folder: str) -> None:
    found = re.findall(r"\b(?:required_version|version) += (\S.*)", _text(folder))
    # The root pins what was tested; who uses the modules may choose.
    provider = '"~> 5.100"' if folder == "." else '">= 5.100, < 7"'
    assert found == ['">= 1.9"', provider]


def test_nothing_that_version_6_of_the_provider_removes_is_used() -> None:
    text = "\n".join(map(_text, FOLDERS))
    for kind, argument in _REMOVED.items():
        bodies = re.findall(rf'^resource "{kind}" "[^"]+" \{{\n(.*?)^\}}', text, re.M | re.S)
        assert bodies, f"{kind} is not used any more: leave it out here"
        assert not any(re.search(rf"^\s+{argument}\s*=", body, re.M) for body in bodies), kind
    assert re.findall(r"\bdata\.aws_region\.\w+\.name\b", text) == []  # deprecated


def test_no_folder_is_left_out() -> None:
    files = {path.parent.relative_to(TERRAFORM).as_posix() for path in TERRAFORM.rglob("main.tf")}
    assert files - {path for path in files if "tests" in path or ".terraform" in path} == set(
        FOLDERS
    )


def _uses(folder: str, variable: str) -> bool:
    """Whether something uses the variable, other than its own validations."""
    declaration = re.compile(rf'^variable "{variable}" \{{\n.*?^\}}', re.M | re.S)
    return re.search(rf"\bvar\.{variable}\b", declaration.sub("", _text(folder))) is not None


def _blocks(folder: str, kind: str) -> list[tuple[str, str]]:
    """Names and bodies of all blocks of a kind."""
    found = re.findall(_BLOCK.format(kind=kind), _text(folder), re.M | re.S)
    assert len(found) == len(re.findall(rf'^{kind} "', _text(folder), re.M))
    return found


def _text(folder: str) -> str:
    """The folder's Terraform, without comments."""
    files: list[Path] = sorted((TERRAFORM / folder).glob("*.tf"))
    return re.sub(r"^\s*(#|//).*$", "", "\n".join(path.read_text() for path in files), flags=re.M)
