"""Which port to try instead of one that is in use."""

import socket

from api.serving.free_port import next_free_port


def test_the_next_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = next_free_port("127.0.0.1", port)
        assert found is not None
        assert found > port
        socket.create_server(("127.0.0.1", found)).close()


def test_a_port_in_use_is_never_proposed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert next_free_port("127.0.0.1", port - 1) != port


def test_no_port_is_proposed_beyond_the_last() -> None:
    assert next_free_port("127.0.0.1", 65_535) is None


def test_no_port_is_proposed_for_an_invalid_host() -> None:
    assert next_free_port("256.0.0.1", 8000) is None
