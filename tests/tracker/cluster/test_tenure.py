"""A holder gives its lease up before an observer may remove it: properties for any sequence of
times."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.cluster.tenure import MARGIN_SHARE, Tenure, Watcher

LEASE, BEAT = 10.0, 2.0
gaps = st.lists(st.floats(0.0, 30.0), min_size=1, max_size=30)


def test_no_lease_is_held_before_the_first_answer() -> None:
    assert not Tenure(LEASE).holds(0.0)


@given(sent=st.floats(0.0, 1e6), took=st.floats(0.0, 100.0))
def test_a_lease_counts_from_the_request_and_never_from_the_answer(
    sent: float, took: float
) -> None:
    tenure = Tenure(LEASE)
    tenure.confirm(sent)
    believed = tenure.holds(sent + took)
    assert believed == (sent + took < sent + LEASE * (1 - MARGIN_SHARE))


@given(moments=gaps)
def test_an_old_answer_that_arrives_late_does_not_shorten_a_lease(moments: list[float]) -> None:
    tenure = Tenure(LEASE)
    for sent in moments:
        tenure.confirm(sent)
    assert tenure.until == max(moments) + LEASE - tenure.margin


def test_a_lost_lease_is_not_held() -> None:
    tenure = Tenure(LEASE)
    tenure.confirm(100.0)
    tenure.lose()
    assert not tenure.holds(100.0)


@given(steps=st.lists(st.tuples(st.floats(0.0, 12.0), st.booleans()), max_size=40))
def test_a_member_is_dead_if_its_heartbeat_did_not_advance_for_a_lease_time(
    steps: list[tuple[float, bool]],
) -> None:
    watcher, now, beat, changed, read = Watcher(LEASE, 2.5 * BEAT), 0.0, 0, 0.0, float("-inf")
    for gap, moves in steps:
        now += gap
        beat += moves
        blind = now - read > 2.5 * BEAT
        if moves or blind or read == float("-inf"):
            changed = now
        read = now
        dead = watcher.observe({"other": beat}, now)
        assert dead == ([("other", beat)] if now - changed >= LEASE else [])


@given(gap=st.floats(2.5 * BEAT + 0.01, 1e6))
def test_an_observer_that_was_cut_off_counts_from_the_beginning(gap: float) -> None:
    watcher = Watcher(LEASE, 2.5 * BEAT)
    watcher.observe({"other": 1}, 0.0)
    assert watcher.observe({"other": 1}, gap) == []


@given(
    rate=st.floats(0.98, 1.02),
    other_rate=st.floats(0.98, 1.02),
    beats=st.lists(st.floats(0.1, 4.0), min_size=1, max_size=20),
    delay=st.floats(0.0, 5.0),
)
def test_a_holder_has_stopped_before_it_is_removed(
    rate: float, other_rate: float, beats: list[float], delay: float
) -> None:
    """Whatever their clocks' rates within 2 %, and however late its last beat was seen."""
    tenure, watcher = Tenure(LEASE), Watcher(LEASE, 2.5 * BEAT)
    now, number = 0.0, 0
    for gap in beats:  # it beats, and is seen ``delay`` later
        now, number = now + gap, number + 1
        tenure.confirm(now * rate)
    seen = now + delay
    while True:
        if watcher.observe({"holder": number}, seen * other_rate):
            break
        seen += 0.5
    assert not tenure.holds(seen * rate)
