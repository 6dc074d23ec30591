"""Rules for where a check may be sent: base URLs, and the addresses their hosts resolve to."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address

# Clouds give credentials to any caller of these. The usual 169.254.169.254 is link-local and
# refused for that reason. These are not: Azure's wire server (learn.microsoft.com, "What is IP
# address 168.63.129.16?"), Alibaba's and Oracle's metadata, Google Cloud on IPv6 (compute metadata
# server), and on IPv6 Oracle, Scaleway and Akamai as cloud-init asks them, and Alibaba
# (alibabacloud.com, "Instance metadata").
_METADATA = frozenset(
    map(
        ip_address,
        (
            *("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd20:ce::254"),
            *("fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1", "fd00:100::100:200"),
        ),
    )
)
# AWS's link-local services on IPv6: instance metadata is ::254 there, EKS pod identity ::23.
_AWS = IPv6Network("fd00:ec2::/32")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; the last 32 bits are the IPv4 address
_LOCAL_NAT64 = IPv6Network(
    "64:ff9b:1::/48"
)  # RFC 8215; the IPv4 address is there too, or around byte 9
_THIS_NETWORK = ip_network("0.0.0.0/8")  # Linux takes 0.0.0.0 for the machine itself


@lru_cache(maxsize=4096)
def address_allowed(address: str | Address, allow_private: bool) -> bool:
    """Return whether a check may be sent to an IP address.

    Loopback always, public always, private and shared ones if so configured; link-local,
    metadata, multicast, reserved and unspecified ones never. An IPv4 address inside an IPv6 one
    counts as itself. Raises ValueError if it is no address.
    """
    ip = _unwrap(ip_address(address))
    if ip.is_loopback:
        return True
    if _never(ip):
        return False
    public = ip.is_global and not (isinstance(ip, IPv6Address) and ip.is_site_local)
    return public or allow_private


def _unwrap(ip: Address) -> Address:
    if isinstance(ip, IPv4Address):
        return ip
    return ip.ipv4_mapped or ip.sixtofour or _behind_nat64(ip) or ip


def _behind_nat64(ip: IPv6Address) -> IPv4Address | None:
    last = IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _NAT64:
        return last
    if ip not in _LOCAL_NAT64:
        return None
    packed = ip.packed
    return last if int(last) else IPv4Address(packed[6:8] + packed[9:11])


def _never(ip: Address) -> bool:
    return (
        ip.is_link_local
        or ip.is_multicast
        or ip.is_unspecified
        or ip.is_reserved
        or ip in _METADATA
        or (isinstance(ip, IPv6Address) and ip in _AWS)
        or (isinstance(ip, IPv4Address) and ip in _THIS_NETWORK)
    )


def url_problem(url: str, *, allow_private: bool = False, sends_key: bool = False) -> str | None:
    """Return what is wrong with a base URL, as a sentence; None if nothing is.

    The URL itself is not repeated: it may hold a password. Names are not resolved here; the
    probes ask ``address_allowed`` about what they resolve to.
    """
    if problem := _form_problem(url):
        return problem
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = _literal(host)
    if address is None and _looks_numeric(host):
        return "the host is not a valid host name or IP address"
    if address is not None and (problem := _address_problem(address, allow_private)):
        return problem
    if sends_key and parts.scheme == "http" and not (allow_private or is_loopback_host(host)):
        return (
            "http to another machine would send the key in clear text; "
            "use https, or set allow_private = true in a network you trust"
        )
    return None


def _form_problem(url: str) -> str | None:
    if len(url) > 2048 or not url.isprintable() or " " in url or "\\" in url:
        return (
            "a URL must not contain blanks, backslashes or control characters, nor exceed "
            "2,048 characters"
        )
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises on a port out of range)
        (parts.hostname or "").encode("idna")
    except ValueError:  # includes UnicodeError
        return "not a URL"
    return _part_problem(parts)


def _part_problem(parts: SplitResult) -> str | None:
    if parts.scheme not in {"http", "https"}:
        return "the URL must start with https:// or http://"
    if not parts.hostname:
        return "the URL has no host"
    if "@" in parts.netloc:
        return (
            "a URL must not contain a user name or password; put the key into an "
            "environment variable"
        )
    if parts.query or parts.fragment:
        return (
            "a base URL must not have a query or a fragment; put the key into an "
            "environment variable"
        )
    return None


def _address_problem(address: Address, allow_private: bool) -> str | None:
    if address_allowed(address, allow_private):
        return None
    if address_allowed(address, allow_private=True):
        return "a private address; set allow_private = true if you want it checked"
    return "link-local, metadata, multicast and reserved addresses are never contacted"


def is_loopback_host(host: str) -> bool:
    """Return whether a host, as it stands in a URL or is bound to, is this machine only."""
    address = _literal(host.strip("[]"))
    if address is None:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")  # RFC 6761
    return _unwrap(address).is_loopback


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _looks_numeric(host: str) -> bool:
    """Return whether a resolver would read it as an address: 127.1, 0x7f000001, 2130706433."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    return last.isdigit() or last.startswith("0x")
