"""Which network a request without a token comes from: it pays for the request."""

from __future__ import annotations


def network_of(source_ip: str) -> str:
    """Return the network that pays: an IPv4 address, or the /64 of an IPv6 address.

    A provider gives a household a /64 or more, so that single IPv6 addresses cost nothing. "" if
    there is no address, and for this machine itself, which is the local stack. No header is
    believed: whoever reaches an API can claim any address in one.
    """
    import ipaddress  # not on the way of a message

    try:
        address = ipaddress.ip_address(source_ip.strip())
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            network = ipaddress.ip_network((int(address) >> 64 << 64, 64))
            return "" if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return "" if address.is_loopback else str(address)
