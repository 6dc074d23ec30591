"""How a client is counted, and that every reason has its own label."""

import pytest

from api.connection_counts import peer_of


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("192.0.2.7", 40_000), "192.0.2.7"),
        (("::ffff:192.0.2.7", 40_000, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:aaaa::1", 40_000, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:bbbb::2", 40_000), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 40_000, 0, 2), "fe80::/64"),
        (("<local>", 0), "<local>"),
        ("", ""),
        (None, ""),
        ((), ""),
    ],
)
def test_a_client_is_counted_as_its_address_or_its_network(address: object, peer: str) -> None:
    assert peer_of(address) == peer
