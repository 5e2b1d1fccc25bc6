"""Terraform as a child process: found, bounded, and its errors told."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from operate.deploy.terraform import PROVIDER, Plan, Terraform, TerraformError, find, find_mirror

PLAN = Plan(Path("plan"), frozenset(), {}, {})
real = pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform here")


def stand_in(folder: Path, body: str, version: str = "1.11.4") -> None:
    """A `terraform` that does what the test says."""
    script = folder / "terraform"
    told = f'{{"terraform_version": "{version}"}}'
    script.write_text(f"#!/bin/sh\nif [ $1 = version ]; then echo '{told}'; exit; fi\n{body}\n")
    script.chmod(0o755)


@pytest.fixture
def on_path(tmp_path: Path) -> object:
    """The folder of programs, this one first."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PATH", str(tmp_path), prepend=":")
        yield tmp_path


def test_errors_alone_are_told(on_path: Path) -> None:
    line = (
        '{"@level": "error", "@message": "Error: no such queue", '
        '"diagnostic": {"address": "aws_sqs_queue.a", "detail": "It is not there."}}'
    )
    stand_in(
        on_path, f"""echo '{{"@level": "info", "@message": "Creating"}}'; echo '{line}'; exit 1"""
    )
    told: list[str] = []
    with (
        Terraform(on_path, progress=told.append) as root,
        pytest.raises(TerraformError) as fault,
    ):
        root.apply(PLAN)
    expected = "Error: no such queue\n  aws_sqs_queue.a\n  It is not there."
    assert str(fault.value) == f"terraform apply failed (1):\n{expected}"
    assert told == ["Creating", expected]


def test_one_that_takes_too_long_is_stopped(on_path: Path) -> None:
    stand_in(on_path, "exec sleep 60")
    started = time.monotonic()
    with Terraform(on_path) as root, pytest.raises(TerraformError, match="took over 0 s"):
        root.init(timeout_s=0.2)
    assert time.monotonic() - started < 30


def test_variables_are_in_a_file_of_their_own(on_path: Path) -> None:
    stand_in(on_path, 'for given; do case $given in -var-file=*) cat "${given#*=}";; esac; done')
    with Terraform(on_path) as root:
        told = root.test({"tables": {"deletion_protection": False}})
    assert told == '{"tables": {"deletion_protection": false}}'


def test_an_old_one_is_refused(on_path: Path) -> None:
    stand_in(on_path, "exit 0", version="1.8.5")
    with pytest.raises(TerraformError, match=r"1\.8\.5 is too old"):
        find()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("#!/bin/sh\necho 'no [version] chosen' >&2; exit 3", r"\(3\):\nno \[version\] chosen"),
        ("#!/bin/sh\necho Terraform", "did not report its version"),
        ("no program", "did not report its version"),
    ],
)
def test_one_that_does_not_run_is_an_error_of_ours(on_path: Path, body: str, why: str) -> None:
    """A version manager without a version, a folder of programs for another machine."""
    (on_path / "terraform").write_text(body)
    (on_path / "terraform").chmod(0o755)
    with pytest.raises(TerraformError, match=why):
        find()


def test_a_log_on_standard_error_is_not_in_the_answer(on_path: Path) -> None:
    stand_in(on_path, "echo '[TRACE] providers' >&2; echo '{\"url\": {\"value\": 1}}'")
    with Terraform(on_path) as root:
        assert root.output() == {"url": 1}


def test_data_sources_are_no_resources(on_path: Path) -> None:
    kept = ["aws_s3_bucket.data", "module.data.aws_vpc.it", 'module.a["x.data.y"].aws_vpc.it[0]']
    left_out = ["data.aws_region.here", 'module.a["b"].module.c[0].data.aws_region.here']
    stand_in(on_path, f"cat <<'END'\n{chr(10).join(kept + left_out)}\nEND")
    with Terraform(on_path) as root:
        assert root.resources() == kept


def test_a_named_mirror_has_the_provider(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TIDINGS_TERRAFORM_MIRROR", str(tmp_path))
        with pytest.raises(TerraformError, match="TIDINGS_TERRAFORM_MIRROR"):
            find_mirror()
        (tmp_path / PROVIDER).mkdir(parents=True)
        assert find_mirror() == tmp_path


@real
def test_what_is_planned_is_what_is_applied(tmp_path: Path) -> None:
    """With no provider but Terraform's own."""
    (tmp_path / "main.tf").write_text(
        'variable "word" {}\nvariable "other" { default = "default" }\n'
        'resource "terraform_data" "it" { input = var.word }\n'
    )
    told: list[str] = []
    with Terraform(tmp_path, progress=told.append) as root:
        root.init()
        first = root.plan({"word": "one"})
        assert first.variables == {"word": "one", "other": "default"}
        assert "terraform_data.it: Plan to create" in told
        root.apply(first)
        assert root.plan({"word": "one"}).changes == frozenset()
        other = root.plan({"word": "two"})
        assert other.changes == {"terraform_data"}
        assert "terraform_data.it" in root.describe(other)
        assert root.resources() == ["terraform_data.it"]
        end = root.plan({"word": "one"}, destroy=True)
        assert end.deletes["terraform_data.it"]["input"] == "one"
        root.apply(end)
        assert root.resources() == []


@real
def test_a_plan_that_was_overtaken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "terraform_data" "it" { input = timestamp() }\n')
    with Terraform(tmp_path) as mine, Terraform(tmp_path) as other:
        mine.init()
        plan = mine.plan({})
        other.apply(other.plan({}))
        with pytest.raises(TerraformError, match="stale"):
            mine.apply(plan)


@real
def test_what_people_say_in_a_file_wins_over_a_target_s_own(tmp_path: Path) -> None:
    root, files = tmp_path / "root", tmp_path / "files"
    root.mkdir()
    files.mkdir()
    names = ("target", "first", "last")
    declared = "".join(
        f'variable "{name}" {{}}\noutput "{name}" {{ value = var.{name} }}\n' for name in names
    )
    (root / "main.tf").write_text(declared)
    given = [files / "first.tfvars", files / "last.tfvars"]
    given[0].write_text('first = "first"\nlast = "first"\n')
    given[1].write_text('last = "last"\n')
    with Terraform(root, variable_files=given) as terraform:
        terraform.init()
        terraform.apply(terraform.plan(dict.fromkeys(names, "target")))
        assert terraform.output() == {name: name for name in names}
