"""The deployment package: what `terraform apply` puts into Lambda, and its manifest."""

from .build import Package, build
from .checks import PackageError
from .target import ARCHITECTURES, PYTHON, PYTHONS, Target, host_architecture

__all__ = [
    "ARCHITECTURES",
    "PYTHON",
    "PYTHONS",
    "Package",
    "PackageError",
    "Target",
    "build",
    "host_architecture",
]
