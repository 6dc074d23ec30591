"""No text shows a secret of a provider, nor one that its checks were given."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.core.rate_limits import LimitReading
from tracker.core.redaction import MASK, Secret
from tracker.core.settings import Provider
from tracker.probes.known_secrets import KnownSecrets, provider_secrets

KEY = Secret("canary-0123456789abcdef")
TOKEN, NEXT = Secret("ya29.token-one-aaaaaaaa"), Secret("ya29.token-two-bbbbbbbb")


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_key_is_masked_wherever_it_stands(before: str, after: str) -> None:
    known = KnownSecrets((KEY,))
    text = f"{before}{KEY.reveal()}{after}"
    assert KEY.reveal() not in known.mask(text)
    assert known.may_be_in(text)


def test_a_learned_secret_is_masked_at_once_and_replaced_by_the_next() -> None:
    known = KnownSecrets((KEY,))
    assert known.mask(TOKEN.reveal()) == TOKEN.reveal()
    known.learn(TOKEN)
    assert TOKEN.reveal() not in known.mask(f"{TOKEN.reveal()} {KEY.reveal()}")
    known.learn(NEXT)
    shown = known.mask(f"{KEY.reveal()} {NEXT.reveal()}")
    assert KEY.reveal() not in shown
    assert NEXT.reveal() not in shown


def test_the_mask_is_made_once_for_the_same_secrets() -> None:
    known = KnownSecrets((KEY,))
    known.learn(TOKEN)
    known.mask("text")
    made = known._mask
    known.learn(TOKEN)
    assert known._mask is made


def test_limits_named_by_a_key_are_one_masked_limit_and_others_stay() -> None:
    known = KnownSecrets((KEY,))
    plain = LimitReading(name="requests", limit=10.0, remaining=5.0)
    assert known.mask_names((plain,)) == (plain,)
    assert known.mask_names(()) == ()
    part = LimitReading(name=KEY.reveal()[:20], limit=8.0, remaining=4.0)
    whole = LimitReading(name=KEY.reveal(), limit=9.0, remaining=3.0)
    masked = {limit.name: limit for limit in known.mask_names((part, plain, whole))}
    assert set(masked) == {MASK, "requests"}
    assert (masked[MASK].limit, masked[MASK].remaining) == (8.0, 3.0)


def test_a_proxys_password_is_secret_as_it_stands_and_as_it_is_sent() -> None:
    provider = Provider(name="p", keys=(KEY,), proxy="http://me:pa%2Fss-word@proxy.example:8080")
    values = {secret.reveal() for secret in provider_secrets(provider)}
    assert values == {KEY.reveal(), "pa%2Fss-word", "pa/ss-word"}
