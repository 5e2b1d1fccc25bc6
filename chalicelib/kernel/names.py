"""The form of names: of users, rooms and regions, and which of them nobody may choose.

Clients in JavaScript keep objects by such names. The names that every object has from the start are
refused: a client that is not careful would find a function there, or change the object itself.
"""

from __future__ import annotations

import re

# Neither starts with a dot, because "." and ".." have a special meaning in URL paths.
USER = r"[A-Za-z0-9_:@|+=~-][A-Za-z0-9._:@|+=~-]{0,127}"
ROOM = r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}"
REGION = r"[a-z0-9-]{1,32}"
# The properties of Object.prototype (ECMA-262, section 20.1.3), and of functions.
RESERVED = frozenset(
    (
        "__defineGetter__",
        "__defineSetter__",
        "__lookupGetter__",
        "__lookupSetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "prototype",
        "toLocaleString",
        "toString",
        "valueOf",
    )
)
IS_RESERVED = "this name is reserved, choose another"
_USER = re.compile(USER)


def is_user(text: str) -> bool:
    """Whether a user may have this id."""
    return text not in RESERVED and _USER.fullmatch(text) is not None
