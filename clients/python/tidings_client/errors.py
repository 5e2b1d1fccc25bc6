"""What a call can end with."""

from __future__ import annotations


class ActionError(Exception):
    """An action was refused, or had no answer; see CONTRACT's error frame."""

    def __init__(self, code: str, message: str, retryable: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
