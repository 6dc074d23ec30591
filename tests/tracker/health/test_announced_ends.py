"""Announced ends of models: the provider's own list counts before the catalogue."""

from datetime import date, timedelta

import attrs

from tests.helpers.factories import outcome
from tracker.core.outcomes import CheckResult
from tracker.health.announced_ends import AnnouncedEnds
from tracker.models.retirements import RetirementNotices

TODAY = date(2026, 11, 23)
SOON, LATER = TODAY + timedelta(days=5), TODAY + timedelta(days=400)
ENDS = AnnouncedEnds({"old": LATER, "both": LATER})


def lists(*models: str, **retiring: date) -> CheckResult:
    return outcome(models=models, retiring=retiring)


def test_a_list_counts_before_the_catalogue_and_replaces_the_list_before() -> None:
    first = ENDS.after(lists("both", both=SOON))
    assert first.dates == {"old": LATER, "both": SOON}
    assert first.after(lists("both", "new", new=SOON)).dates == {
        "old": LATER,
        "both": LATER,
        "new": SOON,
    }
    assert first.after(lists("both")).dates == ENDS.dates


def test_a_check_that_read_no_list_changes_nothing() -> None:
    listed = ENDS.after(lists("both", both=SOON))
    assert listed.after(outcome()) is listed
    assert listed.after(lists("both", both=SOON)) is listed


def test_a_new_catalogue_is_merged_with_what_was_listed() -> None:
    listed = ENDS.after(lists("both", both=SOON))
    assert attrs.evolve(listed, catalogue={"x": LATER}).dates == {"x": LATER, "both": SOON}


def test_only_models_that_are_served_are_announced() -> None:
    listed = ENDS.after(lists("both", both=SOON, gone=SOON))
    due = listed.due(RetirementNotices(), {"both", "old"}, TODAY)
    assert [(one.model, one.on, one.days) for one in due] == [("both", SOON, 5)]
    assert listed.due(RetirementNotices().after(due), {"both"}, TODAY) == ()
