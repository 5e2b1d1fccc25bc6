"""Parse HTTP/1.1 responses: only their status and their end. Pure."""

from __future__ import annotations

RESPONSE_BYTES = 65_536  # answers of @connections are never longer


def parse_answer(data: bytes) -> tuple[int, bool] | None:
    """(status, reusable) of a complete HTTP/1.1 answer, None if it is not complete.

    Raises:
        ValueError: It is not an HTTP/1.1 answer.
    """
    end = data.find(b"\r\n\r\n")
    if len(data) > RESPONSE_BYTES or not data.startswith(b"HTTP/1."[: len(data)]):
        raise ValueError("not an HTTP/1 answer")
    if end < 0:
        return None
    if not data[9:12].isdigit() or data[8:9] != b" " or data[12:13] not in b" \r":
        raise ValueError("no status")
    status = int(data[9:12])
    if status < 200:
        raise ValueError("an interim answer, which was not requested")
    head = data[:end].lower()
    reusable = data[7:8] == b"1" and b"close" not in (_field(head, b"\r\nconnection:") or b"")
    body = end + 4
    if status in (204, 304):
        return status, reusable and len(data) == body
    if (coding := _field(head, b"\r\ntransfer-encoding:")) is not None:
        if coding != b"chunked":
            raise ValueError("unknown transfer coding")
        stop = _chunked_end(data, body)
    elif (length := _field(head, b"\r\ncontent-length:")) is not None:
        if not length.isdigit():
            raise ValueError("no length")
        stop = body + int(length)
    else:
        return status, False  # the body ends when the connection closes: do not wait for it
    if stop < 0 or len(data) < stop:
        return None
    return status, reusable and len(data) == stop


def _field(head: bytes, name: bytes) -> bytes | None:
    at = head.find(name)
    if at < 0:
        return None
    at += len(name)
    end = head.find(b"\r\n", at)
    return head[at : end if end >= 0 else None].strip()


def _chunked_end(data: bytes, at: int) -> int:
    """The end of the chunked body that starts at `at`; -1 if it is not complete."""
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].partition(b";")[0], 16)
        if size < 0:
            raise ValueError("negative chunk")
        at = end + 2
        if not size:  # the last chunk; trailers follow, up to an empty line
            last = data.find(b"\r\n\r\n", end)
            return last + 4 if last >= 0 else -1
        if len(data) >= at + size + 2 and data[at + size : at + size + 2] != b"\r\n":
            raise ValueError("chunk without end")
        at += size + 2
    return -1
