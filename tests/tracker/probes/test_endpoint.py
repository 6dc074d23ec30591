"""Which URL and which headers a request to a provider has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes.endpoint import Endpoint, sendable
from tracker.probes.http.failures import FetchError

OTHER_HOST = "https://login.example/oauth/token?x=1"


def endpoint(base_url: str = "https://api.example/v1", **more: Any) -> Endpoint:
    return Endpoint.of(Provider(name="p", base_url=base_url, **more))


def test_the_providers_own_option_counts_before_its_kinds() -> None:
    assert endpoint().option("models_path") != ""
    assert endpoint(options={"models_path": "/mine"}).option("models_path") == "/mine"


def test_a_secret_option_is_revealed_and_any_other_that_is_no_text_is_empty() -> None:
    found = endpoint(options={"client_secret": Secret("hush"), "number": 5})
    assert (found.option("client_secret"), found.option("number")) == ("hush", "")
    assert found.option("of_no_kind") == ""


def test_a_path_goes_below_the_base_whether_or_not_that_ends_in_a_slash() -> None:
    for base in ("https://api.example/v1", "https://api.example/v1/"):
        assert endpoint(base).url("/models") == "https://api.example/v1/models"


def test_a_method_after_a_colon_is_never_taken_for_a_port() -> None:
    assert endpoint("https://api.example").url(":load") == "https://api.example/:load"
    assert endpoint("https://api.example/v1").url(":load") == "https://api.example/v1:load"


@given(st.sampled_from([OTHER_HOST, "https://x.example/a", "http://y.example/b/c?d=e&f"]))
def test_nothing_is_asked_of_another_host_once_the_provider_was_moved(url: str) -> None:
    assert endpoint().url(url) == url
    moved = endpoint("http://127.0.0.1:9/mine", moved=True).url(url)
    assert moved.startswith("http://127.0.0.1:9/mine/")
    assert moved.endswith(url.split("example", 1)[1])


def test_a_place_of_the_catalogue_is_only_its_path_once_moved() -> None:
    options = {"token_url": OTHER_HOST, "token_path": "/token"}
    assert endpoint(options=options).place("token_url", "token_path") == OTHER_HOST
    assert endpoint(options=options, moved=True).place("token_url", "token_path") == "/token"
    assert endpoint(options={"token_path": "/token"}).place("token_url", "token_path") == "/token"


def test_the_key_goes_into_the_header_of_the_catalogue() -> None:
    key = Secret("k-1")
    assert endpoint().headers(key)["Authorization"] == "Bearer k-1"
    bare = endpoint(options={"auth_header": "x-api-key", "auth_scheme": "", "headers": {"v": "1"}})
    assert bare.headers(key) == {"Accept": "application/json", "v": "1", "x-api-key": "k-1"}
    assert "Authorization" not in endpoint().headers(None)


@pytest.mark.parametrize("value", ["", "   ", "schlüssel", "a\nb", "a\x00"])
def test_a_key_that_no_header_holds_is_refused_and_never_shown(value: str) -> None:
    with pytest.raises(FetchError) as caught:
        sendable(Secret(value))
    assert not value.strip() or value not in str(caught.value)
