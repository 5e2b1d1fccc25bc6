"""Decides whether a frame without an ack is sent again. Sans I/O.

A frame may be the reason why its connection ended, and would then end the next one too. So the
ends are counted for each frame that was waiting. Such a suspect frame is sent again only when no
other suspect waits, so that the innocent ones are not counted for the ends that it causes.
"""

from __future__ import annotations

from .errors import ActionError, NoAnswer

MOST_ENDS = 5  # a frame is given up after this many connections have ended while it waited
MOST_FAULTS = 5  # a frame is given up after this many `internal` errors
_BLAMES = {1003: "bad_request", 1007: "bad_request", 1009: "too_large"}


class Resend:
    def __init__(self) -> None:
        self._ends = 0
        self._faults = 0
        self.over: ActionError | None = None  # the final error, if there was one

    @property
    def is_suspect(self) -> bool:
        """Whether a connection has ended while it waited; then it must take a turn."""
        return self._ends > 0

    def after(self, error: ActionError) -> ActionError | None:
        """The final error after this one; None if the frame should be sent again."""
        self.over = self._judge(error)
        return self.over

    def _judge(self, error: ActionError) -> ActionError | None:
        if not error.retryable:
            return error
        if error.code == "internal":
            self._faults += 1
            return error if self._faults >= MOST_FAULTS else None
        if not isinstance(error, NoAnswer) or error.end is None:
            return None
        self._ends += 1
        blame = _BLAMES.get(error.end.code or 0)
        if blame is not None and (error.end.alone or self._ends >= MOST_ENDS):
            text = (
                "the server closed the connection because of this frame "
                f"(close code {error.end.code})"
            )
            return ActionError(blame, text, False)
        if self._ends < MOST_ENDS:
            return None
        text = (
            f"{self._ends} connections in a row ended while this frame waited for its ack; "
            "it may have been done"
        )
        return ActionError("unavailable", text, True)
