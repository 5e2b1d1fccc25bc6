"""Targets: what runs where."""

from __future__ import annotations

import pytest

from operate.package import Target


def test_the_default_is_the_decided_runtime() -> None:
    assert (Target().runtime, Target().architecture) == ("python3.13", "arm64")


def test_wheels_for_amazon_linux_s_glibc_or_older_best_first() -> None:
    tags = Target("3.13", "arm64").platforms
    assert tags[0] == "manylinux_2_34_aarch64"
    assert "manylinux_2_28_aarch64" in tags
    assert tags[-1] == "manylinux2014_aarch64"
    assert Target("3.11", "x86_64").platforms[0] == "manylinux_2_26_x86_64"


@pytest.mark.parametrize(("python", "architecture"), [("3.9", "arm64"), ("3.13", "riscv")])
def test_what_lambda_or_chalice_does_not_have_is_refused(python: str, architecture: str) -> None:
    with pytest.raises(ValueError, match="not one of"):
        Target(python, architecture)
