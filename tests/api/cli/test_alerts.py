"""alerts test: which targets were reached, in a table and in the exit code."""

from io import StringIO

import pytest
from rich.console import Console

from api.cli.alerts import _table
from api.schemas.incidents import AlertsTest, TargetTest

REACHED = TargetTest(target="slack 1", delivered=True, error="")
FAILED = TargetTest(target="webhook 1", delivered=False, error="it answered 500")


def shown(*targets: TargetTest) -> list[str]:
    paper = StringIO()
    delivered = sum(one.delivered for one in targets)
    Console(width=80, file=paper).print(_table(AlertsTest(list(targets), delivered)))
    return [" ".join(line.split()) for line in paper.getvalue().splitlines()]


def test_each_target_says_whether_it_was_reached_or_why_not() -> None:
    assert shown(REACHED, FAILED)[1:] == ["slack 1 yes", "webhook 1 no it answered 500"]


def test_without_a_target_it_says_how_to_set_one() -> None:
    assert shown() == ["No alert target is configured: set PROVIDER_STATUS_ALERTS."]


@pytest.mark.parametrize("targets", [(REACHED,), (REACHED, FAILED)])
def test_the_header_names_the_columns(targets: tuple[TargetTest, ...]) -> None:
    assert shown(*targets)[0] == "target delivered why"
