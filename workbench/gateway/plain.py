"""Calls of @connections in their plainest form, read and answered without an HTTP state machine.

They are most of what a gateway does. What is not plain (another method, a body in chunks, `Expect`,
a repeated or unusual header) is left to h11, which knows all of HTTP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from .wire import Reply

_LINE = re.compile(rb"(POST|GET|DELETE) (/[!-~]+) HTTP/1\.1\r\n")
_FIELD = rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([!-~](?:[ -~]*[!-~])?)\r\n"
_FIELDS = re.compile(rb"(?:%b)*\r\n" % _FIELD)
_EACH = re.compile(_FIELD.decode())
_NUMBER = re.compile(r"\d{1,7}\Z", re.ASCII)
_UNUSUAL = {"connection", "expect", "te", "trailer", "transfer-encoding", "upgrade"}


@dataclass(frozen=True, slots=True)
class Call:
    """The head of a request; its target and header values are as on the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    length: int


def read(head: bytes) -> Call | None:
    """Read a head with its empty line; None for what is not a plain call."""
    line = _LINE.match(head)
    if line is None or b"connections/" not in line[2] or b"?" in line[2] or b"#" in line[2]:
        return None
    at = line.end()
    if _FIELDS.fullmatch(head, at) is None:
        return None
    headers = [(name.lower(), value) for name, value in _EACH.findall(head[at:].decode())]
    by_name = dict(headers)
    if len(by_name) < len(headers) or by_name.keys() & _UNUSUAL:
        return None
    length = by_name.get("content-length", "0")
    if "host" not in by_name or not _NUMBER.match(length):
        return None
    return Call(line[1].decode(), line[2].decode(), headers, int(length))


def encode(reply: Reply, *, last: bool = False) -> bytes:
    """A reply on a socket that stays open, unless `last`."""
    status, fields, body = reply
    pairs = fields.items() if isinstance(fields, dict) else fields
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in pairs]
    if status != HTTPStatus.NO_CONTENT:
        lines.append(f"content-length: {len(body)}")
    if last:
        lines.append("connection: close")
    return "\r\n".join((*lines, "", "")).encode() + body
