"""Errors of a deployment; Terraform and packaging have errors of their own."""

from __future__ import annotations

from operate.checks import Check


class DeployError(Exception):
    """The deployment was not made or not deleted; the text tells the user why."""


class CheckError(DeployError):
    """The preflight or the proof found what is not well.

    Attributes:
        preflight, proof: All checks, as far as they were made.
    """

    def __init__(
        self, text: str, preflight: list[Check] | None = None, proof: list[Check] | None = None
    ) -> None:
        super().__init__(text)
        self.preflight = preflight or []
        self.proof = proof or []
