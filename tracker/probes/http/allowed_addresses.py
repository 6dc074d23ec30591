"""The addresses of a provider's host that a check may connect to. Pure."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from tracker.core.addresses import address_allowed


class AddressRefusedError(Exception):
    """A host resolves only to forbidden addresses; the text says which setting decides."""


def is_address(host: str) -> bool:
    """Return whether it is an IP address already; an IPv6 one may carry a zone."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except (OSError, ValueError):
            continue
        return True
    return False


def filter_addresses(host: str, addresses: Sequence[str], allow_private: bool) -> list[str]:
    """Return the addresses we may ask. Raises AddressRefusedError when there is none."""
    good = [a for a in addresses if address_allowed(a.partition("%")[0], allow_private)]
    if good:
        return good
    if any(address_allowed(a.partition("%")[0], True) for a in addresses):
        reason = "a private address; set allow_private = true if you want it checked"
    else:
        reason = "a link-local or reserved address, which is never contacted"
    raise AddressRefusedError(f"{host} is {reason}")


def keep_loopback(host: str, addresses: Sequence[str]) -> list[str]:
    """Judge a name such as api.localhost by what it leads to. Raises AddressRefusedError."""
    good = [a for a in addresses if ip_address(a.partition("%")[0]).is_loopback]
    if not good:
        raise AddressRefusedError(
            f"{host} is not this machine, and http would send the key in clear text; use https"
        )
    return good
