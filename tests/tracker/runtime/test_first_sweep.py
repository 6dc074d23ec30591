"""The first sweep: what it waits for, and that it ends once and for all."""

from tracker.runtime.first_sweep import NEARLY, FirstSweep, SweepPhase


def test_the_first_sweep_ends_when_every_expected_provider_was_checked() -> None:
    sweep = FirstSweep()
    sweep.expect("a")
    sweep.expect("b")
    sweep.begin()
    sweep.forget("a")
    assert not sweep.finish()
    sweep.forget("b")
    assert sweep.is_complete()
    assert sweep.finish()


def test_the_first_sweep_does_not_end_before_the_providers_are_known() -> None:
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


def test_it_is_nearly_complete_only_while_its_last_results_are_missing() -> None:
    sweep = FirstSweep()
    names = [str(number) for number in range(NEARLY + 1)]
    for name in names:
        sweep.expect(name)
    sweep.begin()
    assert not sweep.is_nearly_complete()
    sweep.forget(names.pop())
    assert sweep.is_nearly_complete()
    for name in names:
        sweep.forget(name)
    sweep.finish()
    assert not sweep.is_nearly_complete()
