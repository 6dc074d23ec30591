"""What actors share, and what holds for a tracker that nobody configured."""

from contextlib import AbstractAsyncContextManager

from hypothesis import given
from hypothesis import strategies as st

from tracker.core.settings import Config, Provider
from tracker.probes.check import Check
from tracker.runtime.actor_context import ActorContext

names = st.text(min_size=1, max_size=5)


def open_check(_: Provider) -> AbstractAsyncContextManager[Check]:
    raise NotImplementedError


@given(name=names, model=st.none() | names, interval=st.floats(0.1, 1e6))
def test_a_tracker_without_a_cluster_makes_every_check_itself(
    name: str, model: str | None, interval: float
) -> None:
    context = ActorContext(open_check)
    assert context.schedule
    assert not context.skip_check(name, model)
    assert context.gate(name, model, interval) == 0.0


def test_no_two_trackers_share_a_budget_or_what_was_learned() -> None:
    one, other = ActorContext(open_check), ActorContext(open_check)
    one.learned["groq"] = {}
    assert other.learned == {}
    assert one.budget is not other.budget
    assert one.canary is not other.canary
    assert one.pacer is not other.pacer
    assert one.budget.per_day == Config().completions_per_day
