"""What tests of Terraform's modules ask for."""

from __future__ import annotations

from collections.abc import Callable

from operate.deploy.terraform import Terraform

RootOf = Callable[[str], Terraform]
