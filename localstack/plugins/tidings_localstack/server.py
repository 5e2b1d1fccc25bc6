"""LocalStack's own web server, listening only where GATEWAY_LISTEN says.

LocalStack 4.14 uses the port of GATEWAY_LISTEN but listens on every interface of the machine,
which is right inside a container and wrong on a laptop.
"""

from __future__ import annotations

from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.gateway import Gateway
from rolo.serving.twisted import TwistedGateway
from twisted.internet import reactor

from localstack import config


class OneInterfaceServer(TwistedRuntimeServer):
    """Plain HTTP only; use LocalStack's image for TLS on loopback."""

    def register(
        self,
        gateway: Gateway,
        listen: list[config.HostAndPort],
        ssl_creds: tuple[str, str] | None = None,
    ) -> None:
        site = TwistedGateway(gateway)
        for address in listen:
            reactor.listenTCP(address.port, site, interface=address.host)
