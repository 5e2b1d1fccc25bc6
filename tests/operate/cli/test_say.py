"""What came from elsewhere is shown as it is."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from operate.cli import say

TEXT = "[bold] arn:aws:secretsmanager:us-east-1:0:secret:tidings [/x] 1 true " + "long " * 40


def test_rich_reads_nothing_into_it(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    say.plain(Console(file=out, width=40), TEXT, "dim")
    assert out.getvalue() == f"{TEXT}\n"
    say.problem(ValueError(TEXT))
    assert capsys.readouterr().err == f"tidings: {TEXT}\n"
