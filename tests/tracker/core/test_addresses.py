from typing import Any

import pytest

from tracker.core.addresses import address_allowed, is_loopback_host, url_problem

LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
PUBLIC = ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",  # shared, RFC 6598
    "198.18.0.1",
    "fd00::1",
    "fec0::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
]
NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:ec2::253",
    "fd00:c1::a9fe:a9fe",
    "fd00:42::42",
    "fd00:a9fe:a9fe::1",
    "fd00:100::100:200",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
]


@pytest.mark.parametrize("address", LOOPBACK + PUBLIC)
def test_loopback_and_public_addresses_are_always_allowed(address: Any) -> None:
    assert address_allowed(address, allow_private=False)
    assert address_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_allowed_only_if_configured(address: Any) -> None:
    assert not address_allowed(address, allow_private=False)
    assert address_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", NEVER)
def test_link_local_and_reserved_addresses_are_never_allowed(address: Any) -> None:
    assert not address_allowed(address, allow_private=False)
    assert not address_allowed(address, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "https://api.example.com:8443",
        "https://höst.example/v1",
        "http://localhost:1/v1",
        "http://127.0.0.1:65535",
        "http://[::1]:8000/v1",
        "https://8.8.8.8/v1",
    ],
)
def test_a_good_base_url_has_no_problem(url: str) -> None:
    assert url_problem(url, sends_key=True) is None


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "start with https://"),
        ("api.example.com", "start with https://"),
        ("ftp://example.com", "start with https://"),
        ("file:///etc/passwd", "start with https://"),
        ("https://", "the URL has no host"),
        ("https:///v1", "the URL has no host"),
        ("https://user:pw@example.com", "user name or password"),
        ("https://example.com/v1?key=abc", "must not have a query"),
        ("https://example.com/v1#x", "must not have a query"),
        ("https://example.com:99999", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://a..b", "not a URL"),
        ("https://exa mple.com", "must not contain blanks"),
        ("https://example.com\n.evil", "must not contain blanks"),
        ("https://example.com\\@evil", "must not contain blanks"),
        ("http://127.1/v1", "not a valid host name or IP address"),
        ("http://2130706433/v1", "not a valid host name or IP address"),
        ("http://0x7f000001/v1", "not a valid host name or IP address"),
        ("http://169.254.169.254/latest", "never contacted"),
        ("http://[fe80::1]/v1", "never contacted"),
        ("http://[::ffff:169.254.169.254]/v1", "never contacted"),
        ("http://10.0.0.1/v1", "allow_private"),
        ("https://example.com/" + "a" * 3000, "2,048"),
    ],
)
def test_a_bad_base_url_is_refused_with_the_reason_but_not_shown(url: str, word: str) -> None:
    problem = url_problem(url)
    assert word in problem
    assert url == "" or url not in problem


def test_a_key_is_sent_in_clear_text_only_where_allowed() -> None:
    url = "http://gpu.example/v1"
    assert url_problem(url, sends_key=False) is None
    assert "clear text" in url_problem(url, sends_key=True)
    assert url_problem(url, sends_key=True, allow_private=True) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("127.0.0.2", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("notlocalhost", False),
        ("example.com", False),
    ],
)
def test_knows_what_is_this_machine_only(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback
