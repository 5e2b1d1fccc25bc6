"""Types of Terraform's variables: read from their files, and what does not fit them."""

from __future__ import annotations

from pathlib import Path

import pytest

from operate.deploy import types
from operate.deploy.types import Type
from tests.support.paths import ROOT

TERRAFORM = ROOT / "terraform"


def test_a_type_is_read() -> None:
    text = """object({
        name  = string # said once
        sizes = optional(map(number), { small = 1, "a b" = [2, 3] })
        inner = optional(object({ on = optional(bool, true), list = set(string) }), {})
    })
    default = "x"
    """
    assert types.parse(text) == Type(
        "object",
        attributes={
            "name": Type("string"),
            "sizes": Type("map", Type("number")),
            "inner": Type(
                "object", attributes={"on": Type("bool"), "list": Type("set", Type("string"))}
            ),
        },
    )


@pytest.mark.parametrize("text", ["", "object({ a string })", "map(", "object({ a = "])
def test_what_is_no_type(text: str) -> None:
    with pytest.raises(ValueError, match="not a type"):
        types.parse(text)


def test_every_variable_of_terraform_has_a_type_that_is_understood() -> None:
    for path in TERRAFORM.rglob("variables.tf"):
        for name, kind in types.variables(path).items():
            assert kind.kind in {"string", "number", "bool", "list", "set", "map", "object"}, name


def test_the_root_takes_what_a_region_takes() -> None:
    """Terraform drops what a type does not name: an attribute of one only would do nothing."""
    root = types.variables(TERRAFORM / "variables.tf")
    region = types.variables(TERRAFORM / "modules" / "region" / "variables.tf")
    both = root.keys() & region.keys() - {"peers"}
    assert {"app", "cache", "monitoring", "network", "tables"} <= both
    for name in both:
        assert root[name] == region[name], name


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (None, []),
        ({"a": "7", "b": {"x": [1, True, "t"]}}, []),
        ({"a": "many"}, ["v.a"]),
        ({"a": True}, ["v.a"]),
        ({"c": 1}, ["v.c"]),
        ({"b": {"x": ["u", {}]}}, ["v.b.x[1]"]),
        ({"b": {"x": "u"}}, ["v.b.x"]),
        ({"b": 3}, ["v.b"]),
        ({"d": "perhaps"}, ["v.d"]),
        ({"d": "true"}, []),
        (3, ["v"]),
    ],
)
def test_what_does_not_fit(value: object, wrong: list[str]) -> None:
    kind = types.parse("object({ a = number, b = map(list(string)), d = bool })")
    assert [name for name, _, _ in types.faults(kind, value, "v")] == wrong


def test_a_file_of_variables(tmp_path: Path) -> None:
    path = tmp_path / "variables.tf"
    path.write_text('variable "a" {\n  type = map(string)\n}\n\nvariable "b" {\n  default = 1\n}\n')
    assert types.variables(path) == {"a": Type("map", Type("string")), "b": Type("any")}
