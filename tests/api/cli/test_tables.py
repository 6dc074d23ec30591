"""Tables: an unknown limit is a dash, an estimate is marked, nobody to rank leaves the reason."""

from io import StringIO
from typing import Any

import msgspec
import pytest
from rich.console import Console

from api.cli.tables import best_table, limit_used
from api.schemas.convert import view_best, view_provider
from api.schemas.status import Provider
from tests.helpers.idle_tracker import NOON, a_provider
from tracker.core.ranking import Ranking


@pytest.mark.parametrize(
    ("source", "shown"), [("none", "–"), ("headers", "42.0 %"), ("estimate", "~42.0 %")]
)
def test_how_far_a_limit_is_used_tells_where_it_is_known_from(source: str, shown: str) -> None:
    known: dict[str, Any] = msgspec.to_builtins(view_provider(a_provider()))
    rate_limit = {"source": source, "limits": [], "exhausts_at": None}
    changes = {"rate_limit_percent": 42.0, "rate_limit": rate_limit}
    assert limit_used(msgspec.convert({**known, **changes}, Provider)) == shown


def test_without_providers_to_list_only_the_reason_is_printed() -> None:
    paper = StringIO()
    best = view_best(NOON, Ranking(reason="No provider is watched."))
    Console(width=80, file=paper).print(best_table(best))
    assert paper.getvalue() == "No provider is watched.\n"
