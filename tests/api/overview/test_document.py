"""The dashboard's view of the events: everything once, then only what changed."""

import json
from datetime import timedelta
from typing import Any

import attrs
import pytest
import trio

from api.overview.document import Overview
from api.overview.glance import LINES, OPEN, ORDERED, view_best, view_incidents
from api.overview.rows import FIELDS
from tests.helpers.idle_tracker import (
    NOON,
    a_bare_provider,
    a_condition,
    a_provider,
    a_snapshot,
    ranking_of,
)
from tracker.core.incidents import Cause, Incident, IncidentLog
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.snapshot import Snapshot

GROQ, MISTRAL = a_provider(), a_provider("mistral", response_time_ms=310.0)
DOWN = a_provider("groq", status=Status.DOWN, usable=False, outcome=OutcomeKind.SERVER)
INCIDENT = Incident(
    id="1",
    cause=Cause.PROVIDER,
    subject="groq",
    provider="groq",
    opened_at=NOON - timedelta(minutes=5),
    noticed_at=NOON,
    summary="groq is down",
)


def an_overview() -> Overview:
    return Overview("page-1", a_condition)


def steps(overview: Overview, before: Snapshot, after: Snapshot) -> dict[str, Any]:
    return {kind: json.loads(data) for kind, data in overview.changes(before, after)}


def with_incidents(snapshot: Snapshot, *incidents: Incident) -> Snapshot:
    return attrs.evolve(snapshot, incidents=IncidentLog(incidents=incidents))


async def test_the_full_document_names_its_page_and_has_the_first_screen() -> None:
    snapshot = with_incidents(a_snapshot(GROQ, MISTRAL), INCIDENT)
    document = json.loads(an_overview().whole(snapshot))
    assert document["page"] == "page-1"
    assert document["fields"] == list(FIELDS)
    assert [row[0] for row in document["providers"]] == ["groq", "mistral"]
    assert document["best"]["best_provider"] == "groq"
    assert document["incidents"]["open"][0]["summary"] == "groq is down"
    assert document["health"]["database"] == "ok"


async def test_only_changed_rows_are_sent() -> None:
    before, after = a_snapshot(GROQ, MISTRAL), a_snapshot(DOWN, MISTRAL, revision=2)
    told = steps(an_overview(), before, after)
    assert [row[0] for row in told["rows"]] == ["groq"]
    assert told["best"]["best_provider"] == "mistral"
    assert "incidents" not in told


async def test_an_equal_snapshot_sends_nothing() -> None:
    before, after = a_snapshot(GROQ, MISTRAL), a_snapshot(a_provider(), MISTRAL, revision=2)
    assert steps(an_overview(), before, after) == {}


async def test_a_new_place_in_the_ranking_changes_the_row() -> None:
    before = a_snapshot(GROQ, MISTRAL)
    lines = (attrs.evolve(before.ranking.ordered[0], expected_cost_ms=999.0),)
    ranking = attrs.evolve(before.ranking, ranked=(*lines, *before.ranking.ordered[1:]))
    after = attrs.evolve(before, ranking=ranking, revision=2)
    (row,) = steps(an_overview(), before, after)["rows"]
    assert (row[0], row[FIELDS.index("cost")]) == ("groq", 999)


async def test_incidents_reach_the_page_as_they_open() -> None:
    before = a_snapshot(GROQ)
    after = with_incidents(attrs.evolve(before, revision=2), INCIDENT)
    told = steps(an_overview(), before, after)
    assert [each["id"] for each in told["incidents"]["open"]] == ["1"]


def test_hundreds_of_open_incidents_are_counted_but_not_all_sent() -> None:
    many = [attrs.evolve(INCIDENT, id=str(number)) for number in range(OPEN + 20)]
    over = attrs.evolve(INCIDENT, id="over", closed_at=NOON - timedelta(hours=1))
    old = attrs.evolve(INCIDENT, id="old", closed_at=NOON - timedelta(hours=25))
    told = view_incidents(with_incidents(a_snapshot(GROQ), *many, over, old))
    assert (len(told["open"]), told["open_count"], told["over_count"]) == (OPEN, OPEN + 20, 1)


def test_many_providers_are_ordered_by_name_only_at_the_top() -> None:
    providers = {p.name: p for p in (a_provider(f"p{n:04}") for n in range(1_500))}
    snapshot = attrs.evolve(a_snapshot(*providers.values()), ranking=ranking_of(providers))
    best = view_best(snapshot)
    assert (len(best["order"]), len(best["lines"]), best["usable"]) == (ORDERED, LINES, 1_500)


def test_with_nothing_usable_it_names_the_provider_that_may_be_back_first() -> None:
    snapshot = a_snapshot(a_bare_provider("a"), a_bare_provider("b"))
    until = [NOON + timedelta(minutes=9), NOON + timedelta(minutes=4)]
    excluded = tuple(
        attrs.evolve(line, until=at)
        for line, at in zip(snapshot.ranking.excluded, until, strict=True)
    )
    best = view_best(
        attrs.evolve(snapshot, ranking=attrs.evolve(snapshot.ranking, excluded=excluded))
    )
    assert best["best_provider"] is None
    assert best["soonest"] == {"provider_name": "b", "until": "2026-03-01T12:04:00.000Z"}


async def test_a_heartbeat_has_the_time_and_how_the_tracker_is(autojump_clock: Any) -> None:
    conditions = iter([a_condition(), a_condition(problems=("the database is away",))])
    overview = Overview("page-1", lambda: next(conditions))
    first, again = (json.loads(overview.heartbeat("now")) for _ in range(2))
    assert first == again  # a thousand pages ask for one answer
    await trio.sleep(10)
    assert json.loads(overview.heartbeat("now"))["health"]["problems"] == ["the database is away"]


@pytest.mark.parametrize("count", [1, 600])
async def test_preparing_leaves_the_same_document(count: int) -> None:
    snapshot = a_snapshot(*(a_provider(f"p{n}") for n in range(count)))
    prepared, fresh = an_overview(), an_overview()
    await prepared.prepare(snapshot)
    assert prepared.whole(snapshot) == fresh.whole(snapshot)
