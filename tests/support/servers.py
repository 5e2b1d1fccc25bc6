"""Servers that are not what a user meant."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that says this to everybody, "" for nothing; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                held.append(link)
                if answer:
                    link.recv(65_536)
                    link.sendall(answer)
                    link.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for link in held:
            link.close()


def http(status: str, body: str, *headers: str) -> bytes:
    """An HTTP answer."""
    lines = (f"HTTP/1.1 {status}", f"content-length: {len(body.encode())}", *headers)
    return ("\r\n".join([*lines, "connection: close", "", ""]) + body).encode()
