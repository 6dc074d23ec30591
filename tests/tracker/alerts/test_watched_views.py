"""Which views of a snapshot are looked at again."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.alert_scenario import START, snapshot_of
from tests.helpers.idle_tracker import a_provider
from tracker.alerts.watched_views import WatchedViews
from tracker.core.provider_status import ProviderStatus

VIEWS = {
    name: [attrs.evolve(a_provider(name), reason=reason) for reason in ("calm", "wrong", "calm")]
    for name in "abcd"
}
SHOWN = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2))


def is_calm(view: ProviderStatus) -> bool:
    return view.reason == "calm"


@given(st.lists(SHOWN, max_size=6))
def test_all_that_are_wrong_are_returned_and_only_others_are_looked_at(
    steps: list[dict[str, int]],
) -> None:
    known, before = WatchedViews(), set[int]()
    for shown in steps:
        looked: list[ProviderStatus] = []
        views = [VIEWS[name][which] for name, which in sorted(shown.items())]
        snapshot = snapshot_of(views, START)
        effort = known.effort(snapshot)

        def look(view: ProviderStatus, looked: list[ProviderStatus] = looked) -> bool:
            looked.append(view)
            return is_calm(view)

        found = known.take_restless(known.enabled_in(snapshot), look)
        assert found == [view for view in views if not is_calm(view)]
        assert known.names == {view.name for view in views}
        assert len(looked) == effort == len({id(view) for view in views} - before)
        before = {id(view) for view in views if is_calm(view)}


def test_a_provider_that_is_switched_off_is_not_looked_at() -> None:
    known = WatchedViews()
    views = [a_provider("a"), a_provider("b", enabled=False)]
    assert [view.name for view in known.enabled_in(snapshot_of(views, START))] == ["a"]
    assert known.effort(snapshot_of(views, START)) == 1
