"""tracker.health.uptime_window: what a window counts as it slides."""

from tracker.health.check_sample import DOWN, LIMITED, UP
from tracker.health.uptime_window import HOUR, UptimeWindow

CHECKS = bytearray([UP, DOWN, UP, LIMITED, UP])


def test_nothing_counted_has_no_percentage() -> None:
    window = UptimeWindow(HOUR, start=len(CHECKS))
    assert window.percent is None


def test_a_window_counts_what_it_covers_wherever_it_slides() -> None:
    window = UptimeWindow(HOUR, start=len(CHECKS))
    window.slide(CHECKS, 1)
    assert (window.up, window.down) == (2, 1)
    window.slide(CHECKS, 2)
    assert (window.up, window.down, window.percent) == (2, 0, 100.0)
    window.slide(CHECKS, 0)
    assert (window.up, window.down, window.percent) == (3, 1, 75.0)
