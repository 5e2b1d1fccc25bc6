"""Errors of a deployment; Terraform and packaging have errors of their own."""

from __future__ import annotations


class DeployError(Exception):
    """The deployment was not made or not deleted; the text tells the user why."""
