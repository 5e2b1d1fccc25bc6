"""What a user may ask of a local stack, checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from chalicelib.settings import ANY_ORIGIN, Settings
from workbench.stack import clients
from workbench.stack.children import Unusable

_MOST = 65535


def port(number: int) -> None:
    """Raise Unusable for what is no port."""
    if not 0 <= number <= _MOST:
        raise Unusable(f"{number} is no port: choose one up to {_MOST} with PORT=…")


def region(name: str) -> None:
    """Raise Unusable for what is no region of AWS."""
    known = clients.regions()
    if name not in known:
        close = " or ".join(difflib.get_close_matches(name, known, 3))
        hint = f"did you mean {close}?" if close else "choose one such as us-east-1"
        raise Unusable(f"{name!r} is no AWS region: {hint} (REGION=…)")


def origins(given: Sequence[str], environment: Mapping[str, str]) -> str:
    """TIDINGS_ALLOWED_ORIGINS with these added.

    Raises:
        Unusable: One is no origin.
    """
    if ANY_ORIGIN in given:
        raise Unusable("--allow-origin: name each origin, as its pages get anybody's token")
    already = environment.get("TIDINGS_ALLOWED_ORIGINS", "")
    every = ",".join(filter(None, (already, *given)))
    try:
        Settings.from_env({"TIDINGS_ALLOWED_ORIGINS": every})
    except ValueError as fault:
        raise Unusable(f"{fault}: write it as http://localhost:3000, without a path") from fault
    return every
