"""Message ids: a hybrid logical clock one can sort by, and parse.

An id is 128 bits in Crockford base32 (26 characters, ASCII order = number order): 48 bits of
milliseconds, 16 bits of logical counter, 64 random bits. The first two are the hybrid logical
clock of Kulkarni et al., "Logical Physical Clocks" (2014): time never runs backwards within a
stream even where the machines' clocks do.
"""

from __future__ import annotations

from .errors import BadRequest
from .model import MessageId

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
LENGTH = 26


def encode(number: int) -> str:
    """The 26 characters of a 128-bit number."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def decode(text: str) -> int:
    """The number behind an id; `BadRequest` for anything that is none."""
    if len(text) != LENGTH or any(character not in _VALUE for character in text):
        raise BadRequest("not a message id")
    number = 0
    for character in text:
        number = number * 32 + _VALUE[character]
    if number >> 128:
        raise BadRequest("not a message id")
    return number


def next_id(now_ms: int, last: MessageId | None, entropy: int) -> MessageId:
    """The id of a message written now, above `last` whatever the clock says."""
    clock = now_ms << 16
    if last:
        clock = max(clock, (decode(last) >> 64) + 1)
    return MessageId(encode(clock << 64 | entropy))


def time_ms(message_id: MessageId) -> int:
    """Milliseconds since the epoch that the id carries."""
    return decode(message_id) >> 80
