"""The Python of deployed functions: isolated, with boto3, in any version."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workbench.lambdas.python import lambda_python
from workbench.stack.children import StackError


def run(python: Path, code: str) -> str:
    command = [python, "-c", code]
    where = python.parent  # elsewhere, as the working directory is searched for modules
    return subprocess.run(command, cwd=where, check=True, capture_output=True, text=True).stdout


def test_it_has_boto3_and_nothing_of_ours(tmp_path: Path) -> None:
    python = lambda_python(tmp_path / "lambda")
    client = "boto3.client('sqs', region_name='us-east-1')"
    assert "SQS" in run(python, f"import boto3; print({client})")
    find = "print([name for name in {names} if importlib.util.find_spec(name)])"
    code = "import importlib.util; " + find.format(names=("chalice", "chalicelib", "pip", "redis"))
    assert run(python, code).strip() == "[]"


def test_it_can_be_made_again(tmp_path: Path) -> None:
    for _ in range(2):
        assert run(lambda_python(tmp_path / "lambda"), "import boto3") == ""


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no-python"):
        lambda_python(tmp_path / "lambda", tmp_path / "no-python")
