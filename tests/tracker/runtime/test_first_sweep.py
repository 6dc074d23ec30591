"""The first sweep: what it waits for, and that it ends once and for all."""

from tracker.runtime.first_sweep import FirstSweep, SweepPhase


def test_it_is_done_when_every_expected_provider_was_checked() -> None:
    sweep = FirstSweep()
    sweep.expect("a")
    sweep.expect("b")
    sweep.begin()
    sweep.forget("a")
    assert not sweep.finish()
    sweep.forget("b")
    assert sweep.is_complete()
    assert sweep.finish()


def test_it_is_not_done_while_what_to_watch_is_not_known() -> None:
    sweep = FirstSweep()
    assert not sweep.finish()
    sweep.begin()
    assert sweep.finish()


def test_a_provider_that_is_added_later_does_not_undo_it() -> None:
    sweep = FirstSweep()
    sweep.begin()
    sweep.finish()
    sweep.expect("late")
    assert sweep.finish()
    sweep.begin()
    assert sweep.phase is SweepPhase.DONE
