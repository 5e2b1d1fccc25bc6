"""TLS for servers that have none: an authority of a moment, and a proxy that ends TLS."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_HOST = "127.0.0.1"
_DAY = datetime.timedelta(days=1)


class Authority:
    """Signs a certificate for this machine's address, valid for a day.

    Attributes:
        bundle: The file that clients trust.
        context: For servers.
    """

    def __init__(self, folder: Path) -> None:
        self.bundle = folder / "authority.pem"
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("authority")
        own = _certificate(name, name, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.bundle.write_bytes(own.sign(key, hashes.SHA256()).public_bytes(_PEM))
        server = ec.generate_private_key(ec.SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address(_HOST))
        signed = (
            _certificate(_name(_HOST), name, server)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(key, hashes.SHA256())
        )
        chain = folder / "server.pem"
        private = server.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain.write_bytes(private + signed.public_bytes(_PEM))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(chain)


class EndsTls:
    """An async context: TLS at the port `listen` is passed on to `port`, in the clear."""

    def __init__(self, context: ssl.SSLContext, listen: int, port: int) -> None:
        self._context, self._listen, self._port = context, listen, port

    async def __aenter__(self) -> EndsTls:
        self._server = await asyncio.start_server(
            self._pass_on, _HOST, self._listen, ssl=self._context
        )
        return self

    async def __aexit__(self, *fault: object) -> None:
        self._server.close()

    async def _pass_on(self, near: StreamReader, answers: StreamWriter) -> None:
        far, asked = await asyncio.open_connection(_HOST, self._port)
        await asyncio.gather(_copy(near, asked), _copy(far, answers))


async def _copy(source: StreamReader, target: StreamWriter) -> None:
    with suppress(OSError):  # either side is gone
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()


_PEM = serialization.Encoding.PEM


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )
