"""The number of accepted reports is bounded, and proxies are told to send less often."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.admission import (
    BURST,
    MOST_REPORTERS,
    REPORTS_PER_SECOND,
    SEND_EVERY_SECONDS,
    SHARE_BURST,
    Allowance,
    ReporterShares,
)

ARRIVALS = st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(0, 1_000)), min_size=1, max_size=100)


def test_a_flood_is_refused_with_a_wait_and_a_slower_rate() -> None:
    allowance, admission = Allowance(), None
    for _ in range(60):
        allowance, admission = allowance.admit(1_000, 1.0)
    assert admission is not None
    assert not admission.taken
    assert admission.retry_after > 0.0
    assert admission.send_every_seconds > SEND_EVERY_SECONDS


def test_a_refused_batch_is_taken_after_its_wait() -> None:
    allowance = Allowance(left=0.0, at=10.0)
    allowance, refused = allowance.admit(1_000, 10.0)
    _, later = allowance.admit(1_000, 10.0 + refused.retry_after + 0.001)
    assert later.taken


def test_a_flood_from_one_reporter_does_not_block_others() -> None:
    shares, allowance, refused = ReporterShares(), Allowance(), 0
    for tenth in range(600):
        now = tenth / 10.0
        reserve = shares.reserve_for("flood", 1_000, now)
        allowance, admission = allowance.admit(1_000, now, reserve=reserve)
        refused += not admission.taken
        if tenth % 20 == 0:
            reserve = shares.reserve_for("calm", 500, now)
            allowance, admission = allowance.admit(500, now, reserve=reserve)
            assert admission.taken, tenth
    assert refused > 400


def test_a_reporter_that_pauses_has_its_share_again() -> None:
    shares = ReporterShares()
    assert shares.reserve_for("p", int(SHARE_BURST), 0.0) == 0.0
    assert shares.reserve_for("p", 1_000, 0.0) > 0.0
    assert shares.reserve_for("p", 1_000, 10.0) == 0.0


def test_invented_reporters_do_not_fill_the_memory() -> None:
    shares = ReporterShares()
    for n in range(2 * MOST_REPORTERS):
        shares.reserve_for(str(n), 1, 0.0)
    assert len(shares._shares) == MOST_REPORTERS


@given(ARRIVALS)
def test_no_more_is_accepted_than_the_burst_and_the_rate(arrivals: list[tuple[float, int]]) -> None:
    allowance, now, taken = Allowance(), 0.0, 0
    for pause, reports in arrivals:
        now += pause
        allowance, admission = allowance.admit(reports, now)
        taken += reports if admission.taken else 0
    assert taken <= BURST + now * REPORTS_PER_SECOND + 1e-6
