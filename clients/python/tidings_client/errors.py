"""The errors of calls."""

from __future__ import annotations

from dataclasses import dataclass


class ActionError(Exception):
    """An action was refused or had no answer; see docs/reference/protocol.md.

    Attributes:
        wait_s: After which time the server will take it, if it was asked too often; else None.
    """

    def __init__(
        self, code: str, message: str, retryable: bool, wait_s: float | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class End:
    """The server ended the connection while a frame waited for its answer.

    Attributes:
        code: The close code, None if there was none.
        alone: Whether no other frame waited.
    """

    code: int | None
    alone: bool


class NoAnswer(ActionError):
    """There was no answer: the action may or may not have been done."""

    def __init__(self, message: str, end: End | None = None) -> None:
        super().__init__("unavailable", message, True)
        self.end = end
