"""What became of clients that were not served to their end: counts for the metrics."""

import ipaddress
from collections import Counter
from enum import StrEnum

import attrs

# The share that one address may have of the answers in progress, on the ordinary route, and of the
# event streams. A reverse proxy is one address, so it is not less.
PEER_SHARE = 0.75


class Refusal(StrEnum):
    """Why a client, or its request, was refused. The text is the label in the metrics."""

    FULL = "full"  # every place was taken by a client that is being answered
    CROWDED = "crowded"  # a place, but no room for one more answer in progress
    PEER = "peer"  # its address has its share of the places already
    STREAMS = "streams"  # as many event streams are open as allowed, in all or to its address
    AMBIGUOUS = "ambiguous"  # it is not clear where its request ends


class Cut(StrEnum):
    """Why a connection was cut by us before its time. The text is the label in the metrics."""

    IDLE = "idle"  # nothing was owed to it, and another client needed its place
    NOT_READING = "not_reading"  # it took nothing of its answer for ten seconds


@attrs.define(eq=False)
class ConnectionCounts:
    """Clients since this start, by reason. most: the limit of connections; open: those now."""

    most: int = 0
    open: int = 0
    refused: Counter[Refusal] = attrs.field(factory=Counter)
    cut: Counter[Cut] = attrs.field(factory=Counter)


def peer_of(address: object) -> str:
    """Return who a client is counted as, by its socket's address.

    That is its IPv4 address or the /64 network of its IPv6 address, of which one customer has all;
    "" for what has no address.
    """
    host = str(address[0]) if isinstance(address, tuple) and address else ""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
