from tracker.core.backoff import Backoff


def test_delays_double_up_to_a_minute() -> None:
    assert [Backoff().delay(n) for n in (1, 2, 3, 6, 7, 8, 10_000)] == [
        1.0,
        2.0,
        4.0,
        32.0,
        60.0,
        60.0,
        60.0,
    ]


def test_the_budget_is_spent_with_its_last_crash() -> None:
    assert [Backoff(budget=3).is_exhausted(n) for n in (1, 2, 3)] == [False, False, True]


def test_a_time_without_crashes_restores_the_budget() -> None:
    backoff = Backoff(forget_after=60.0)
    assert backoff.next_crash_count(4, lived=59.9) == 5
    assert backoff.next_crash_count(4, lived=60.0) == 1
