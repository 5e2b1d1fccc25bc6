"""LocalStack's own web server, listening where GATEWAY_LISTEN says, for no web page.

LocalStack 4.14 uses the port of GATEWAY_LISTEN but listens on every interface of the machine,
which is right inside a container and wrong on a laptop.
"""

from __future__ import annotations

from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.gateway import Gateway
from rolo.serving.twisted import TwistedGateway
from twisted.internet import reactor

from localstack import config

from .pages import refuse_pages


class OneInterfaceServer(TwistedRuntimeServer):
    """Plain HTTP only; use LocalStack's image for TLS on loopback."""

    def register(
        self,
        gateway: Gateway,
        listen: list[config.HostAndPort],
        ssl_creds: tuple[str, str] | None = None,
    ) -> None:
        gateway.request_handlers.insert(0, refuse_pages)
        site = TwistedGateway(gateway)
        for address in listen:
            reactor.listenTCP(address.port, site, interface=address.host)
