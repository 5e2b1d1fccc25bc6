"""Answers as bytes: HTTP replies, rejected handshakes, API Gateway's own messages."""

from __future__ import annotations

import json
from http import HTTPStatus

import h11

Headers = dict[str, str] | list[tuple[str, str]]
Reply = tuple[int, Headers, bytes]
_FRAMING = ("content-length", "transfer-encoding", "connection")


def message(status: int, text: str, **more: str) -> Reply:
    """An answer of API Gateway itself, with its JSON body."""
    body = json.dumps({"message": text, **more}).encode()
    return status, {"content-type": "application/json"}, body


def encode(http: h11.Connection, method: str, reply: Reply, *, last: bool = False) -> bytes:
    """A reply on a socket that stays open, unless `last`; an invalid HTTP reply becomes a 500."""
    try:
        response, body = _response(reply, last)
    except h11.LocalProtocolError:
        response, body = _response(message(500, "Internal Server Error"), last)
    data = http.send(response) or b""
    if body and method != "HEAD" and response.status_code not in (204, 304):
        data += http.send(h11.Data(data=body)) or b""
    return data + (http.send(h11.EndOfMessage()) or b"")


def _response(reply: Reply, last: bool) -> tuple[h11.Response, bytes]:
    status, headers, body = reply
    pairs = headers.items() if isinstance(headers, dict) else headers
    fields = [(name, value) for name, value in pairs if name.lower() not in _FRAMING]
    if status not in (204, 304):
        fields.append(("content-length", str(len(body))))
    if last:
        fields.append(("connection", "close"))
    return h11.Response(status_code=status, headers=fields), body


def refusal(status: int, body: bytes) -> bytes:
    """The last answer on a socket, when there is no HTTP state."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Refused"
    head = f"HTTP/1.1 {status} {phrase}\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
