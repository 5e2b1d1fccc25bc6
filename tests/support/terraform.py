"""Constants for tests of Terraform's modules."""

from __future__ import annotations

from collections.abc import Callable

from operate.deploy.terraform import Terraform

RootOf = Callable[[str], Terraform]
