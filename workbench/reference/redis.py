"""redis.md: the keys in Redis, from chalicelib/adapters/redis/keys.py."""

from __future__ import annotations

import inspect

from chalicelib.adapters.redis.keys import KEYS, StoredKey

from . import docstrings
from .markdown import amount, code, table
from .sections import Makers


def redis() -> str:
    """All keys in a table."""
    rows = [
        (
            code(template(each)),
            each.type,
            "each write sets it" if each.ttl_s is None else f"{amount(each.ttl_s)} s",
            docstrings.text_of(each.build).replace("\n\n", " "),
            each.writers,
        )
        for each in KEYS.values()
        if each.type != "channel"
    ]
    return table(["key", "type", "TTL", "content", "written by"], rows)


def channels() -> str:
    rows = [
        (code(template(each)), docstrings.text_of(each.build), each.writers)
        for each in KEYS.values()
        if each.type == "channel"
    ]
    return table(["channel", "messages", "published by"], rows)


def template(key: StoredKey) -> str:
    """The key's name with its parameters in braces; a hash tag keeps its own braces."""
    names = inspect.signature(key.build).parameters
    return key.build(*(f"{{{name}}}" for name in names))


SECTIONS: Makers = {"keys": redis, "channels": channels}
