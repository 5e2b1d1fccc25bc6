"""What faults mean, in words and codes."""

from __future__ import annotations

import asyncio

from .errors import ActionError, End, NoAnswer


class NoToken(Exception):
    """The token provider raised, or did not answer."""


def report(message: str, fault: Exception) -> None:
    """Report a non-fatal exception to the event loop's exception handler."""
    context = {"message": message, "exception": fault}
    asyncio.get_running_loop().call_exception_handler(context)


def heartbeat_unanswered(error: ActionError) -> ActionError:
    return ActionError("unavailable", f"the heartbeat had no answer: {error.message}", True)


def unknown(text: str, end: End) -> NoAnswer:
    """The server does not know the connection."""
    error = NoAnswer(f"the server does not know this connection: {text}", end)
    error.code = "unauthorized"
    return error


def code_of(fault: BaseException) -> str:
    return fault.code if isinstance(fault, ActionError) else "unavailable"


def text_of(fault: BaseException) -> str:
    if isinstance(fault, ActionError):
        return fault.message
    return str(fault) or type(fault).__name__
