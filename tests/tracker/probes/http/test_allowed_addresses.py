"""tracker.probes.http.allowed_addresses: which addresses of a host a check may connect to."""

import pytest

from tracker.probes.http.allowed_addresses import (
    AddressRefusedError,
    filter_addresses,
    is_address,
    keep_loopback,
)


def test_addresses_are_distinguished_from_names() -> None:
    assert [is_address(x) for x in ("127.0.0.1", "::1", "fe80::1%eth0", "a.b", "")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_of_mixed_addresses_only_the_allowed_ones_are_used() -> None:
    assert filter_addresses("x", ["10.0.0.1", "127.0.0.1"], allow_private=False) == ["127.0.0.1"]
    with pytest.raises(AddressRefusedError):
        filter_addresses("x", ["169.254.0.1", "fe80::1"], allow_private=True)


def test_a_name_of_this_machine_must_lead_to_it() -> None:
    found = ["93.184.216.34", "127.0.0.1", "::1"]
    assert keep_loopback("localhost", found) == ["127.0.0.1", "::1"]
    with pytest.raises(AddressRefusedError, match="clear text"):
        keep_loopback("localhost", found[:1])
