"""Whether a frame without an ack is sent again. Sans I/O.

A frame may be the reason why its connection ends, and would then end the next one too. So its
ends are counted, and a frame that was there when a connection ended is sent again only on its
own turn: the innocent ones that were there too are not counted for its ends.
"""

from __future__ import annotations

from .errors import ActionError, NoAnswer

MOST_ENDS = 5  # so many connections may end under a frame before it is given up
MOST_FAULTS = 5  # so often may the server answer a frame with `internal`
_BLAMES = {1003: "bad_request", 1007: "bad_request", 1009: "too_large"}


class Resend:
    def __init__(self) -> None:
        self._ends = 0
        self._faults = 0

    @property
    def is_suspect(self) -> bool:
        """Whether a connection has ended under it: it takes its turn then."""
        return self._ends > 0

    def after(self, error: ActionError) -> ActionError | None:
        """The error to give up with after this one; None when the frame is to be sent again."""
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
            text = f"the server closed the connection because of it ({error.end.code})"
            return ActionError(blame, text, False)
        if self._ends < MOST_ENDS:
            return None
        text = (
            f"{self._ends} connections in a row ended right after it was sent; "
            "it may have been done"
        )
        return ActionError("unavailable", text, True)
