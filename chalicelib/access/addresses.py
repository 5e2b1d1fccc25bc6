"""Where a request comes from: a network, which pays for what has no token.

A proxy in front of the APIs calls them for its clients. It says in a header from which address it
was called, and proves in another one that it is the proxy: with a secret, of which the settings
have the digest. Without that proof no header is believed, as whoever reaches an API can claim any
address in one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ..kernel.settings import Settings
from ..model.access import Address

VIEWER, PROOF = "x-tidings-viewer", "x-tidings-proof"
_LONGEST = 45  # characters of an IPv6 address that ends in an IPv4 one


class Addresses:
    def __init__(self, settings: Settings) -> None:
        self._proofs = settings.edge_proofs
        self._behind_proxy = settings.behind_proxy

    def of(self, headers: Mapping[str, str], source_ip: str) -> Address:
        """Return the address of the client.

        Args:
            source_ip: The address from which the API was called.
        """
        if self._proofs:
            given = {name.lower(): value for name, value in headers.items()}
            proof = given.get(PROOF, "").encode("utf-8", "replace")
            if hashlib.sha256(proof).hexdigest() in self._proofs:
                return Address(given.get(VIEWER, "")[:_LONGEST])
        return Address(source_ip, shared=self._behind_proxy)


def network_of(address: Address) -> str:
    """Return the network that pays: an IPv4 address, or the /64 of an IPv6 address.

    A provider gives a household a /64 or more, so that single IPv6 addresses cost nothing. "" if
    there is no address, if many clients share it, and for this machine itself, which is the local
    stack.
    """
    import ipaddress  # not on the way of a message

    if address.shared:
        return ""
    try:
        found = ipaddress.ip_address(address.text.strip())
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            network = ipaddress.ip_network((int(found) >> 64 << 64, 64))
            return "" if found.is_loopback else str(network)
        found = found.ipv4_mapped
    return "" if found.is_loopback else str(found)
