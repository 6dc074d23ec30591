"""Which offers are watched follows the settings; what is known of the others is kept."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.health.watched_offers import WatchedOffers

models = st.lists(st.sampled_from("abcde"), max_size=7)


@given(turns=st.lists(models, min_size=1, max_size=6))
def test_exactly_the_named_models_are_watched_in_their_order(turns: list[list[str]]) -> None:
    offers = WatchedOffers()
    for names in turns:
        offers.watch(names)
        assert list(offers.watched) == list(dict.fromkeys(names))
        assert all(offer.model == model for model, offer in offers.watched.items())


@given(turns=st.lists(models, min_size=1, max_size=6))
def test_the_state_of_a_model_survives_its_absence(turns: list[list[str]]) -> None:
    offers = WatchedOffers()
    known = {model: offers.find(model) for model in "abcde"}
    for names in turns:
        offers.watch(names)
        assert all(offers.find(model) is known[model] for model in "abcde")


def test_a_returning_model_is_planned_and_published_again() -> None:
    offers = WatchedOffers()
    offers.watch(["a", "b"])
    offers.watched["a"].target.next_due = 5.0
    offers.watched["b"].target.next_due = 6.0
    offers.watched["a"].waits_for_budget = True
    offers.watch(["b"])
    offers.watch(["a", "b"])
    assert offers.watched["a"].target.next_due is None
    assert not offers.watched["a"].waits_for_budget
    assert offers.watched["b"].target.next_due == 6.0
