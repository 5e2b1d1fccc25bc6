"""A stand-in for Terraform: a `terraform` on the PATH that does nothing.

A plugin of tests/conftest.py.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

# Says which call it got; `show` and `output` give what the test wrote, and a word to stderr.
_STAND_IN = """#!/bin/sh
here=$(dirname "$0")
echo "noise of $1" >&2
case "$1 $2" in
  "version -json") echo '{"terraform_version": "1.11.4"}';;
  "show -json") cat "$here/plan.json";;
  "state list") echo aws_sqs_queue.a;;
  "show -no-color") echo "the plan";;
  "output -json") cat "$here/output.json";;
  *) for given; do case $given in -var-file=*/variables.tfvars.json)
       cat "${given#*=}" > "$here/variables";; esac; done
     pwd >> "$here/folders"; env > "$here/environment"
     case "$2" in -destroy) echo "$1 $2" >> "$here/calls";; *) echo "$1" >> "$here/calls";; esac
     if [ -e "$here/$1.fails" ]; then cat "$here/$1.fails"; exit 1; fi
     echo "$1 it";;
esac
"""
CHANGES = {"resource_changes": [{"type": "aws_sqs_queue", "change": {"actions": ["create"]}}]}


class StandIn:
    """It says what it was asked, and answers what the test tells it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        script = folder / "terraform"
        script.write_text(_STAND_IN)
        script.chmod(0o755)
        self.tell(plan={}, output={})

    def tell(self, **answers: object) -> None:
        for name, answer in answers.items():
            (self._folder / f"{name}.json").write_text(json.dumps(answer))

    def plan(self, **variables: object) -> None:
        """A plan that changes something, with these variables."""
        values = {name: {"value": value} for name, value in variables.items()}
        self.tell(plan={**CHANGES, "variables": values})

    def outputs(self, **values: object) -> None:
        self.tell(output={name: {"value": value} for name, value in values.items()})

    def fail(self, command: str, text: str) -> None:
        (self._folder / f"{command}.fails").write_text(text)

    def calls(self) -> list[str]:
        return self._lines("calls")

    def folders(self) -> set[str]:
        return set(self._lines("folders"))

    def variables(self) -> dict[str, Any]:
        """Those of the last plan that are the target's own."""
        given: dict[str, Any] = json.loads("".join(self._lines("variables")))
        return given

    def environment(self) -> dict[str, str]:
        """Of the last call."""
        lines = (line.partition("=") for line in self._lines("environment"))
        return {name: value for name, _, value in lines}

    def _lines(self, name: str) -> list[str]:
        path = self._folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    for name in [name for name in os.environ if name.startswith(("AWS_ENDPOINT_URL", "TF_"))]:
        monkeypatch.delenv(name)
    return StandIn(programs)
