"""A repository of a team's own uses the modules at a tag, with a package made elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from operate.deploy.terraform import Terraform

_MAIN = """
provider "aws" {{
  region = "us-east-1"
}}

module "chat" {{
  source = "git::file://{repository}//terraform/modules/region?ref=v1.0.0"

  name        = "team-chat"
  package_dir = "{package}"
  cache       = {{ kind = "external", url = "rediss://cache.example.com:6379" }}
}}

output "secret" {{
  value = module.chat.secret.name
}}
"""
_TEST = """
mock_provider "aws" {{
  source = "{mocks}"
}}

run "the_module_plans" {{
  command = plan

  assert {{
    condition     = output.secret == "team-chat-secrets" && length(module.chat.function_names) > 0
    error_message = "The region must be planned under the team's name."
  }}
}}
"""


@pytest.fixture
def repository(folder: Path) -> Path:
    """A repository with the modules, tagged."""
    top = folder.parent
    if not (top / ".git").exists():
        _git(top, "init", "--quiet")
        # What other tests' `terraform init` left there is no part of a repository.
        _git(top, "add", "terraform", ":(exclude)**/.terraform/**")
        _git(top, "commit", "--quiet", "--message", "modules")
        _git(top, "tag", "v1.0.0")
    return top


@pytest.fixture
def root(repository: Path, package_dir: Path, tmp_path: Path) -> Iterator[Terraform]:
    """The team's root module."""
    (tmp_path / "main.tf").write_text(_MAIN.format(repository=repository, package=package_dir))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "plan.tftest.hcl").write_text(
        _TEST.format(mocks=repository / "terraform" / "tests" / "mocks")
    )
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with Terraform(tmp_path, environment=environment) as opened:
        yield opened


@pytest.mark.extended
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("terraform_binary")
def test_a_root_elsewhere_plans_the_modules_of_a_tag(root: Terraform) -> None:
    root.init("-backend=false")
    summary = root.test().splitlines()[-1]
    assert re.fullmatch(r"Success! 1 passed, 0 failed\.", summary), summary


def _git(top: Path, *arguments: str) -> None:
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "gc.auto=0"]
    subprocess.run(["git", *author, *arguments], cwd=top, check=True, timeout=60)
