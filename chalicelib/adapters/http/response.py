"""Parse HTTP/1.1 responses. Pure: bytes come in as arguments or from a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

RESPONSE_BYTES = 65_536  # of a head; answers of @connections are never longer as a whole
_HEX = frozenset(b"0123456789abcdefABCDEF")
_MOST_DIGITS = 8  # of a chunk's size in hex


class Framing(NamedTuple):
    """What the head of a response says about its body.

    Attributes:
        length: Of the body in bytes; None if it is chunked, or ends when the connection closes.
        chunked: Whether the body is chunked.
        lasting: Whether the server keeps the connection open.
    """

    status: int
    length: int | None
    chunked: bool
    lasting: bool


class HttpAnswer(NamedTuple):
    """A complete response.

    Attributes:
        head: Its status line and fields, as they came.
        reusable: Whether its connection can carry another request.
    """

    status: int
    head: bytes
    body: bytes
    reusable: bool

    def field(self, name: str) -> str:
        """The first field of this name, which is given in lower case; "" if there is none."""
        key = f"\r\n{name}:".encode()
        at = self.head.lower().find(key)
        if at < 0:
            return ""
        at += len(key)
        end = self.head.find(b"\r\n", at)
        return self.head[at : end if end >= 0 else None].strip().decode("latin-1")


def parse_answer(data: bytes) -> tuple[int, bool] | None:
    """(status, reusable) of a complete HTTP/1.1 answer, None if it is not complete.

    Raises:
        ValueError: It is not an HTTP/1.1 answer.
    """
    end = _end_of_head(data)
    if len(data) > RESPONSE_BYTES:
        raise ValueError("not an HTTP/1 answer")
    if end < 0:
        return None
    head = _parse_head(data[:end])
    if head.chunked:
        stop = _chunked_end(data, end + 4)
    elif head.length is not None:
        stop = end + 4 + head.length
    else:
        return head.status, False  # the body ends when the connection closes: do not wait for it
    if stop < 0 or len(data) < stop:
        return None
    return head.status, head.lasting and len(data) == stop


def read_answer(receive: Callable[[], bytes], most_bytes: int) -> HttpAnswer:
    """Read a response with its body.

    Args:
        receive: Returns the next bytes; raises at the connection's end.
        most_bytes: Maximum length of the body.

    Raises:
        ValueError: It is not an HTTP/1.1 answer, too long, or its end cannot be known.
    """
    data = bytearray()
    while (end := _end_of_head(data)) < 0:
        data += receive()
    raw = bytes(data[:end])
    head = _parse_head(raw)
    if head.chunked:
        body, left = _read_chunks(data, end + 4, receive, most_bytes)
    elif head.length is None:
        raise ValueError("a body without a length")  # it could be cut off unnoticed
    elif head.length > most_bytes:
        raise ValueError("the answer is too long")
    else:
        stop = end + 4 + head.length
        while len(data) < stop:
            data += receive()
        body, left = bytes(data[end + 4 : stop]), len(data) - stop
    return HttpAnswer(head.status, raw, body, head.lasting and not left)


def _end_of_head(data: bytes | bytearray) -> int:
    """Where the head ends; -1 if it is not complete."""
    end = data.find(b"\r\n\r\n", 0, RESPONSE_BYTES)
    if (end < 0 and len(data) > RESPONSE_BYTES) or not data.startswith(b"HTTP/1."[: len(data)]):
        raise ValueError("not an HTTP/1 answer")
    return end


def _parse_head(data: bytes) -> Framing:
    if not data[9:12].isdigit() or data[8:9] != b" " or data[12:13] not in b" \r":
        raise ValueError("no status")
    status = int(data[9:12])
    if status < 200:
        raise ValueError("an interim answer, which was not requested")
    fields = data.lower()
    lasting = data[7:8] == b"1" and b"close" not in (_field(fields, b"\r\nconnection:") or b"")
    if status in (204, 304):
        return Framing(status, 0, False, lasting)
    if (coding := _field(fields, b"\r\ntransfer-encoding:")) is not None:
        if coding != b"chunked":
            raise ValueError("unknown transfer coding")
        return Framing(status, None, True, lasting)
    length = _field(fields, b"\r\ncontent-length:")
    if length is None:
        return Framing(status, None, False, False)
    if not length.isdigit() or len(length) > _MOST_DIGITS * 2:
        raise ValueError("no length")
    return Framing(status, int(length), False, lasting)


def _field(head: bytes, name: bytes) -> bytes | None:
    at = head.find(name)
    if at < 0:
        return None
    at += len(name)
    end = head.find(b"\r\n", at)
    return head[at : end if end >= 0 else None].strip()


def _chunk_size(line: bytes | bytearray) -> int:
    digits = bytes(line.partition(b";")[0]).strip()
    if not digits or len(digits) > _MOST_DIGITS or not _HEX.issuperset(digits):
        raise ValueError("no chunk size")
    return int(digits, 16)


def _chunked_end(data: bytes, at: int) -> int:
    """The end of the chunked body that starts at `at`; -1 if it is not complete."""
    while (end := data.find(b"\r\n", at)) >= 0:
        size = _chunk_size(data[at:end])
        at = end + 2
        if not size:  # the last chunk; trailers follow, up to an empty line
            last = data.find(b"\r\n\r\n", end)
            return last + 4 if last >= 0 else -1
        if len(data) >= at + size + 2 and data[at + size : at + size + 2] != b"\r\n":
            raise ValueError("chunk without end")
        at += size + 2
    return -1


def _read_chunks(
    data: bytearray, at: int, receive: Callable[[], bytes], most_bytes: int
) -> tuple[bytes, int]:
    """The chunked body that starts at `at`, and how many bytes follow it in `data`."""

    def line_end(mark: bytes, start: int) -> int:
        while (found := data.find(mark, start)) < 0:
            if len(data) - start > RESPONSE_BYTES:
                raise ValueError("a line that is too long")
            data.extend(receive())
        return found

    body = bytearray()
    while True:
        end = line_end(b"\r\n", at)
        size = _chunk_size(data[at:end])
        if not size:  # the last chunk; trailers follow, up to an empty line
            stop = line_end(b"\r\n\r\n", end) + 4
            return bytes(body), len(data) - stop
        if len(body) + size > most_bytes:
            raise ValueError("the answer is too long")
        at = end + 2
        while len(data) < at + size + 2:
            data += receive()
        if data[at + size : at + size + 2] != b"\r\n":
            raise ValueError("chunk without end")
        body += data[at : at + size]
        del data[: at + size + 2]
        at = 0
