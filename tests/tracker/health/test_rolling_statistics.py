from array import array

import pytest

from tracker.health.check_sample import DOWN, LIMITED, NOT_COUNTED, UP, CheckSample
from tracker.health.rolling_statistics import WITNESSES, Statistics
from tracker.health.uptime_window import DAY, HOUR, WEEK
from tracker.ranking.policy import Sample

NOW = 1_800_000_000.0


def statistics(*results: CheckSample, now: float = NOW) -> Statistics:
    kept = Statistics()
    for result in results:
        kept.add(result)
    kept.advance(now)
    return kept


def test_nothing_counted_is_unknown_not_zero() -> None:
    empty = statistics(CheckSample(NOW, NOT_COUNTED))
    assert (empty.uptime.hour, empty.uptime.day, empty.uptime.week) == (None, None, None)
    assert empty.latency is None
    assert empty.checks_in_day == 1


def test_each_uptime_window_is_counted_separately() -> None:
    kept = statistics(
        CheckSample(NOW - WEEK + 1, DOWN),
        CheckSample(NOW - DAY + 1, UP),
        CheckSample(NOW - HOUR + 1, DOWN),
        CheckSample(NOW, UP),
    )
    assert (kept.uptime.hour, kept.uptime.day, kept.uptime.week) == (
        50.0,
        pytest.approx(200 / 3),
        50.0,
    )


def test_a_check_leaves_a_window_when_it_is_as_old_as_the_window() -> None:
    kept = statistics(CheckSample(NOW - HOUR, DOWN), CheckSample(NOW, UP))
    assert kept.uptime.hour == 100.0
    assert kept.uptime.day == 50.0


def test_a_clock_set_back_brings_the_windows_back() -> None:
    kept = statistics(CheckSample(NOW - HOUR, DOWN, None), CheckSample(NOW, UP, 100.0))
    kept.advance(NOW + DAY + 1)
    assert (kept.uptime.day, kept.latency) == (None, None)
    kept.advance(NOW - 1)
    assert kept.uptime.hour == 50.0
    assert kept.latency is not None


def test_percentiles_are_nearest_rank() -> None:
    kept = statistics(*(CheckSample(NOW - i, UP, float(i)) for i in range(1, 101)))
    assert kept.latency is not None
    assert (kept.latency.p50, kept.latency.p95) == (50.0, 95.0)
    assert (kept.latency.min, kept.latency.max, kept.latency.avg) == (1.0, 100.0, 50.5)
    assert kept.latency.samples == 100


def test_p95_of_two_is_the_larger() -> None:
    kept = statistics(CheckSample(NOW, UP, 10.0), CheckSample(NOW, UP, 20.0))
    assert kept.latency is not None
    assert kept.latency.p95 == 20.0


def test_latency_of_a_day_is_forgotten_after_a_day() -> None:
    kept = statistics(CheckSample(NOW - DAY, UP, 5_000.0), CheckSample(NOW, UP, 10.0))
    assert kept.latency is not None
    assert (kept.latency.max, kept.latency.samples) == (10.0, 1)


def test_completions_are_counted_for_a_day() -> None:
    kept = statistics(
        CheckSample(NOW - DAY, UP, 1.0, 5),
        CheckSample(NOW - HOUR, UP, 1.0, 2),
        CheckSample(NOW, UP, 1.0, 1),
    )
    assert kept.completions_in_day == 3
    assert kept.completions_since(NOW - 60) == 1


def test_recent_holds_the_counted_checks_newest_last() -> None:
    kept = statistics(
        CheckSample(NOW - 2, UP, 10.0),
        CheckSample(NOW - 1, NOT_COUNTED),
        CheckSample(NOW, DOWN, None),
    )
    assert kept.recent == (Sample(True, 10.0, NOW - 2), Sample(False, None, NOW))


def test_remembered_columns_equal_checks_added_one_by_one() -> None:
    results = [
        CheckSample(NOW - 3 * DAY, DOWN),
        CheckSample(NOW - HOUR, UP, 20.0, 1),
        CheckSample(NOW, UP, None),
    ]
    one_by_one = statistics(*results)
    at_once = Statistics.restore(
        array("d", [r.at for r in results]),
        bytes(r.verdict for r in results),
        array("d", [float("nan") if r.latency_ms is None else r.latency_ms for r in results]),
        bytes(r.completions for r in results),
        now=NOW,
    )
    for name in ("uptime", "latency", "recent", "checks_in_day", "completions_in_day"):
        assert getattr(at_once, name) == getattr(one_by_one, name)
    assert list(at_once.results()) == list(one_by_one.results()) == results


def test_the_duration_of_a_failure_is_not_a_latency() -> None:
    """It is stored with the check, and read again after a restart."""
    at_once = Statistics.restore(
        array("d", [NOW - 2, NOW - 1, NOW]),
        bytes([DOWN, UP, NOT_COUNTED]),
        array("d", [900.0, 20.0, 700.0]),
        bytes(3),
        now=NOW,
    )
    assert at_once.latency is not None
    assert (at_once.latency.max, at_once.latency.samples) == (20.0, 1)
    failed, answered = at_once.recent
    assert (failed.latency_ms, failed.failure_ms) == (None, 900.0)
    assert (answered.latency_ms, answered.failure_ms) == (20.0, None)


def test_a_limit_is_not_counted_in_uptime_but_kept_for_the_ranking() -> None:
    kept = statistics(CheckSample(NOW - 1, UP, 20.0), CheckSample(NOW, LIMITED, 80.0))
    assert kept.uptime.day == 100.0
    assert kept.latency is not None
    assert kept.latency.samples == 1
    assert [(sample.ok, sample.failure_ms) for sample in kept.recent] == [
        (True, None),
        (False, 80.0),
    ]


def test_what_is_older_than_every_window_is_forgotten_in_steps() -> None:
    kept = statistics(*(CheckSample(NOW + i, UP, 1.0) for i in range(3_000)), now=NOW + 3_000)
    assert len(list(kept.results())) == 3_000
    for later in range(WITNESSES):
        kept.add(CheckSample(NOW + 9 * DAY + later, UP, 1.0))
    kept.advance(NOW + 9 * DAY + WITNESSES)
    assert len(list(kept.results())) == WITNESSES
    assert kept.uptime.week == 100.0


def test_a_clock_that_briefly_jumps_a_week_ahead_forgets_nothing() -> None:
    kept = statistics(*(CheckSample(NOW + i, UP, 1.0) for i in range(3_000)), now=NOW + 3_000)
    before = kept.uptime, kept.checks_in_day, kept.latency
    kept.add(CheckSample(NOW + 9 * DAY, DOWN))
    kept.advance(NOW + 9 * DAY)
    kept.advance(NOW + 3_000)
    assert (kept.uptime, kept.checks_in_day, kept.latency) == before
    kept.advance(NOW + 9 * DAY)
    assert kept.uptime.hour == 0.0  # its time has come
