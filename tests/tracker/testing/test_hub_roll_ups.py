"""tracker.testing.hub_roll_ups: days are the sums of their hours, each provider's apart."""

from datetime import UTC, datetime

from tracker.cluster.hub import RollUp
from tracker.testing.hub_roll_ups import HOUR, add_up_days, begin_of

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def hour(provider: str, at: datetime) -> RollUp:
    return RollUp(
        provider=provider, at=at, checks=3, up=2, down=1, sum_ms=30.0, latency={10: 1, 20: 1}
    )


def test_an_hour_begins_where_the_clock_says() -> None:
    assert begin_of(NOON.replace(minute=59, second=59), HOUR) == NOON


def test_a_day_is_the_sum_of_its_hours() -> None:
    later = NOON.replace(hour=23)
    one, two = add_up_days([hour("a", NOON), hour("b", NOON), hour("a", later)])
    assert one == RollUp(
        provider="a",
        at=NOON.replace(hour=0),
        checks=6,
        up=4,
        down=2,
        sum_ms=60.0,
        latency={10: 2, 20: 2},
    )
    assert (two.provider, two.checks) == ("b", 3)


def test_days_are_kept_apart() -> None:
    next_day = NOON.replace(day=28)
    days = list(add_up_days([hour("a", NOON), hour("a", next_day)]))
    assert [day.at for day in days] == [NOON.replace(hour=0), next_day.replace(hour=0)]
