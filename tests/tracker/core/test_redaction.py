import base64
import copy
import html
import json
import logging
import pickle
from typing import Any
from urllib.parse import quote

import attrs
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracker.core.redaction import MASK, Mask, Secret

KEY = "sk-canary/0123+456=7&89é"


@pytest.fixture
def secret() -> Secret:
    return Secret(KEY)


def test_gives_its_value_only_on_purpose(secret: Secret) -> None:
    assert secret.reveal() == KEY


@pytest.mark.parametrize("show", [repr, str, format, "{:>40}".format, "{!r}".format, "%s".__mod__])
def test_text_never_shows_it(show: Any, secret: Secret) -> None:
    assert KEY not in show(secret)
    assert MASK in show(secret)


def test_the_text_of_a_container_never_shows_it(secret: Secret) -> None:
    held = attrs.make_class("Held", ["key"])(secret)
    assert KEY not in f"{held} {[secret]} { ({'key': secret}) }"


def test_logging_never_shows_it(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("key %s in %r", secret, [secret])
    assert KEY not in caplog.text
    assert MASK in caplog.text


@pytest.mark.parametrize(
    "serialise",
    [pickle.dumps, json.dumps, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins],
)
def test_refuses_to_be_serialised(serialise: Any, secret: Secret) -> None:
    with pytest.raises(TypeError) as caught:
        serialise(secret)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "serialise",
    [
        lambda value: json.dumps(value, default=str),
        lambda value: msgspec.json.encode(value, enc_hook=str).decode(),
        lambda value: json.dumps(attrs.asdict(value), default=str),
    ],
)
def test_serialised_on_request_it_is_the_mask(serialise: Any, secret: Secret) -> None:
    held = attrs.make_class("Held", ["key"], frozen=True)(secret)
    assert KEY not in serialise(held)
    assert MASK in serialise(held)


def test_has_no_attribute_dictionary_and_cannot_be_changed(secret: Secret) -> None:
    assert not hasattr(secret, "__dict__")
    with pytest.raises(AttributeError, match="cannot be changed"):
        secret._value = "other"


def test_equal_keys_are_equal_and_other_things_are_not(secret: Secret) -> None:
    assert secret == Secret(KEY)
    assert hash(secret) == hash(Secret(KEY))
    assert secret != Secret("other")
    assert secret != KEY


def test_copies_are_itself(secret: Secret) -> None:
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"key": secret})["key"] is secret


def test_masks_a_key_wherever_it_stands(secret: Secret) -> None:
    assert Mask([secret])(f"key={KEY}, again {KEY}.") == f"key={MASK}, again {MASK}."


@pytest.mark.parametrize(
    "write",
    [
        quote,
        lambda key: quote(key, safe=""),
        lambda key: quote(key, safe="").lower(),
        lambda key: json.dumps(key)[1:-1],
        lambda key: repr(key)[1:-1],
        lambda key: ascii(key)[1:-1],
        lambda key: key.encode("unicode_escape").decode(),
        lambda key: repr(key.encode())[2:-1],
        lambda key: json.dumps(key).replace("/", "\\/")[1:-1],
        html.escape,
    ],
)
def test_masks_a_key_however_it_is_written(write: Any, secret: Secret) -> None:
    assert Mask([secret])(f"<{write(KEY)}>") == f"<{MASK}>"


@given(
    key=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=12, max_size=60),
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_masks_a_key_inside_base64_at_every_offset(
    key: str, before: bytes, after: bytes, encode: Any
) -> None:
    raw = key.encode()
    encoded = encode(before + raw + after).decode()
    masked = Mask([Secret(key)])(encoded)
    # One character at each end also holds bits of its neighbour, so it may stay.
    kept = len(masked) - len(MASK)
    assert MASK in masked
    assert kept <= len(encoded) - (len(raw) * 8 // 6 - 1)


@given(st.text(min_size=4), st.text(), st.text())
def test_never_leaves_a_key_in_a_text(key: str, before: str, after: str) -> None:
    masked = Mask([Secret(key)])(before + key + after)
    assume(key not in before + MASK + after)
    assert key not in masked


def test_masks_the_longer_of_two_keys_with_the_same_beginning() -> None:
    mask = Mask([Secret("sk-abcdef"), Secret("sk-abcdef-and-its-tail")])
    assert mask("sk-abcdef-and-its-tail sk-abcdef") == f"{MASK} {MASK}"


def test_a_mask_can_be_extended(secret: Secret) -> None:
    longer = Mask((*Mask([secret]).secrets, Secret("another-key")))
    assert longer(f"{KEY} another-key") == f"{MASK} {MASK}"


def test_without_secrets_nothing_is_masked() -> None:
    assert Mask()("as it was") == "as it was"


def test_a_secret_too_short_for_a_key_is_not_masked() -> None:
    assert Mask([Secret(""), Secret("a"), Secret("was")])("as it was") == "as it was"
