"""replay: policies over a trace and over a tracker's own database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.helpers.command_line import Commands, command
from tests.helpers.real_tracker import real_tracker

__all__ = ["command"]
START = datetime(2026, 1, 1, tzinfo=UTC)
SHIPPED = ["expected_cost", "lowest_latency", "peak_ewma"]


@pytest.fixture
def trace(command: Commands) -> Path:
    """Two days, every ten minutes: one provider quick, one slow, both always well."""
    rows = ["timestamp_utc,provider,ok,latency_ms,http_status"]
    for n in range(288):
        at = (START + timedelta(minutes=10 * n)).isoformat()
        rows += [f"{at},quick,1,100,200", f"{at},slow,1,900,200"]
    file = command.folder / "trace.csv"
    file.write_text("\n".join(rows))
    return file


def test_every_shipped_policy_ranks_the_fast_provider_first(command: Commands, trace: Path) -> None:
    found = command("replay", "--trace", trace, "--json")
    assert (found.code, found.err) == (0, "")
    results = found.json["policies"]
    assert [result["policy"] for result in results] == SHIPPED
    assert {result["latency_ms"] for result in results} == {100.0}
    assert {result["success_percent"] for result in results} == {100.0}
    assert {result["switches"] for result in results} == {0}


def test_only_the_named_policies_are_replayed_in_their_order(
    command: Commands, trace: Path
) -> None:
    named = ("--policy", "peak_ewma", "--policy", "lowest_latency")
    found = command("replay", "--trace", trace, "--json", *named)
    assert [r["policy"] for r in found.json["policies"]] == ["peak_ewma", "lowest_latency"]


def test_the_table_has_one_row_per_policy(command: Commands, trace: Path) -> None:
    lines = command("replay", "--trace", trace, COLUMNS="80").out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["policy", *SHIPPED]


def test_a_trackers_own_database_can_be_replayed(command: Commands) -> None:
    with real_tracker(command.folder) as tracker:
        for _ in range(30):
            tracker.check()
    found = command("replay", "--database", "served.db", "--json")
    assert (found.code, len(found.json["policies"])) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "provider_status.db cannot be replayed: the file is missing"),
        (("--database", "."), "is a folder"),
        (("--trace", "none.csv"), "none.csv cannot be read: No such file or directory"),
        (("--trace", "tracker.toml"), "column timestamp_utc"),
        (("--trace", "trace.csv", "--database", "x.db"), "give a trace or a database, not both"),
        (("--trace", "trace.csv", "--policy", "lowest_latncy"), 'did you mean "lowest_latency"?'),
        (("--trace", "trace.csv", "--policy", "no_such:thing"), "cannot be loaded"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_input_that_cannot_be_replayed_exits_with_2(
    command: Commands, trace: Path, arguments: tuple[str, ...], said: str
) -> None:
    found = command("replay", *arguments)
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert "Traceback" not in found.err
