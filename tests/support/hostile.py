"""An HTTP server that does with each request what a test says, on plain sockets and threads."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WITHIN_S = 30


@dataclass(frozen=True)
class Received:
    """A request.

    Attributes:
        socket: Number of its connection, from 1.
        headers: By names in lower case.
    """

    socket: int
    line: str
    headers: dict[str, str]
    body: bytes


# Answers a request on its connection; True to keep the connection open.
Act = Callable[[socket.socket], bool]


def raw(data: bytes, *, keep: bool = True) -> Act:
    """Send these bytes, and close the connection unless `keep`."""

    def act(link: socket.socket) -> bool:
        link.sendall(data)
        return keep

    return act


def answer(body: Any = None, status: int = 200, *, keep: bool = True, **fields: Any) -> Act:
    """Send a JSON answer with these fields; "_" in their names stands for "-"."""
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    named = {"content-length": len(data)}
    named |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return raw(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data, keep=keep)


def error(code: str, status: int = 400, **more: Any) -> Act:
    """An error as DynamoDB and SQS answer it."""
    return answer({"__type": f"com.amazonaws.any#{code}", "message": "secret", **more}, status)


def close(link: socket.socket) -> bool:
    """Answer nothing and close."""
    return False


def hang(link: socket.socket) -> bool:
    """Answer nothing, until the client closes the connection."""
    link.recv(1)
    return False


class Hostile:
    """Listens on loopback. Each request takes the next act; what comes after them gets `{}`.

    Attributes:
        url: Its base URL.
        received: All requests, oldest first.
        accepted: The number of connections so far.
        ended: Set when a connection has been closed here; a test may clear it.
        stopped: Set at the end.
    """

    def __init__(self, *acts: Act, context: ssl.SSLContext | None = None) -> None:
        self.acts = list(acts)
        self.received: list[Received] = []
        self.accepted = 0
        self.ended, self.stopped = threading.Event(), threading.Event()
        self._context = context
        self._lock = threading.Lock()
        self._links: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Hostile:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            links = list(self._links)
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_WITHIN_S)

    def drip(self, data: bytes, pause_s: float) -> Act:
        """Send byte after byte, with pauses."""

        def act(link: socket.socket) -> bool:
            for number in range(len(data)):
                link.sendall(data[number : number + 1])
                if self.stopped.wait(pause_s):
                    return False
            return True

        return act

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
            self._start(self._serve, link, self.accepted)

    def _serve(self, link: socket.socket, number: int) -> None:
        try:
            if self._context is not None:
                link = self._context.wrap_socket(link, server_side=True)
            with self._lock:
                self._links.add(link)
            while (request := _read(link, number)) is not None:
                with self._lock:
                    self.received.append(request)
                    act = self.acts.pop(0) if self.acts else answer()
                if not act(link):
                    break
        except OSError:
            pass  # the client has closed it, or refused the certificate
        finally:
            with self._lock:
                self._links.discard(link)
            link.close()
            self.ended.set()


def _read(link: socket.socket, number: int) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := link.recv(65_536)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    headers = {name.lower(): value for name, value in headers.items()}
    while len(body) < int(headers.get("content-length", 0)):
        if not (more := link.recv(65_536)):
            return None
        body += more
    return Received(number, line, headers, body)


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1.

    Attributes:
        context: Of a server that has it.
        path: The certificate, for those who shall trust it.
    """

    context: ssl.SSLContext
    path: Path


def certificate(folder: Path) -> Certificate:
    """Make one in this folder."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tidings tests")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, secret = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, secret)
    return Certificate(context, path)
