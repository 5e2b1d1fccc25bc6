"""What a user may ask of a local stack, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.kernel.settings import ANY_ORIGIN, Settings
from operate.surroundings import local
from workbench.stack.children import Unusable


def settings(environment: Mapping[str, str]) -> None:
    """Check the settings that the stack takes from its user's environment.

    Raises:
        Unusable: One has an invalid value.
    """
    try:
        Settings.from_env(local(environment))
    except ValueError as fault:
        raise Unusable(str(fault)) from fault


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
