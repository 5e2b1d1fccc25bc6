"""What can go wrong with a deployment; Terraform and the package have errors of their own."""

from __future__ import annotations


class DeployError(Exception):
    """It is not deployed, or not destroyed, and why, in words for its user."""
