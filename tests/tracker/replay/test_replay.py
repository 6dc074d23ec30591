"""Replay: traces read strictly, choices judged at the next observation, the tracker reproduced."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.helpers.factories import START, outcome, provider
from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Config, RankingSettings, Timing
from tracker.core.snapshot import Snapshot
from tracker.ranking import FallbackRanker, Ranking, load_policy
from tracker.replay import (
    History,
    RecordedCheck,
    ReplayError,
    StateReplay,
    rankings,
    read_database,
    read_trace,
    replay,
    replay_files,
)
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.board import Board
from tracker.runtime.messages import CheckCompleted, ProviderAdded, Publish
from tracker.store import open_store
from tracker.store.backlog import Backlog

HEADER = "timestamp_utc,provider,ok,latency_ms,http_status"
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def row(minute: int, name: str, ok: str = "1", latency: str = "100", status: str = "200") -> str:
    return f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ},{name},{ok},{latency},{status}"


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(*rows: Any, header: Any = HEADER) -> Any:
        path = tmp_path / "trace.csv"
        path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return path

    return write


def read(path: Any, **more: Any) -> Any:
    return read_trace(path, now=lambda: LATER, **more)


def kinds(history: History) -> list[Any]:
    return [seen.outcome.kind for round_ in history.rounds for seen in round_]


def results(history: Any, *names: Any, **more: Any) -> Any:
    loaded = {name: load_policy(name, RankingSettings()) for name in names}
    return replay(history, loaded, **more)


def test_rows_within_ten_minutes_form_a_round(written: Any) -> None:
    history = read(written(row(0, "a"), row(10, "b"), row(11, "a"), row(21, "b"), row(22, "a")))
    names = [[seen.outcome.provider for seen in round_] for round_ in history.rounds]
    assert names == [["a", "b"], ["a", "b"], ["a"]]


def test_checks_exactly_a_round_apart_are_rounds_of_their_own(written: Any) -> None:
    history = read(written(*(row(minute, name) for minute in (0, 10, 20, 30) for name in "ab")))
    assert [len(round_) for round_ in history.rounds] == [2, 2, 2, 2]


def test_one_short_interval_shortens_no_later_time_out() -> None:
    def seen(minute: int, interval: Any) -> RecordedCheck:
        at = START + timedelta(minutes=minute)
        return RecordedCheck(CheckResult(kind=OutcomeKind.OK, provider="a", at=at), interval)

    rerun = StateReplay()
    history = History.of([seen(0, 2.0), seen(20, 300.0)], round_seconds=300)
    for _ in rerun.states(history):
        pass
    assert rerun.providers["a"].provider.timing.timeout_seconds == 10.0


def test_rows_in_any_order_are_the_same_history(written: Any) -> None:
    rows = [row(minute, name) for minute in (0, 36, 72) for name in "ab"]
    assert read(written(*rows)) == read(written(*reversed(rows)))


def test_a_row_is_judged_like_the_trackers_own_checks(written: Any) -> None:
    path = written(
        row(0, "a"),
        row(1, "a", latency="1001"),
        row(2, "a", latency="10000"),
        row(3, "a", latency=""),
        row(4, "a", ok="0", latency="", status=""),
        row(5, "a", ok="0", status="429"),
        row(6, "a", ok="0", status="401"),
        row(7, "a", ok="0", status="500"),
        row(8, "a", ok="false", status="200"),
        row(9, "a", ok="true", status="404.0"),
    )
    assert kinds(read(path)) == [
        OutcomeKind.OK,
        OutcomeKind.SLOW,
        OutcomeKind.TIMEOUT,
        OutcomeKind.OK,
        OutcomeKind.CONNECT,
        OutcomeKind.RATE_LIMITED,
        OutcomeKind.AUTH,
        OutcomeKind.SERVER,
        OutcomeKind.BAD_RESPONSE,
        OutcomeKind.OK,
    ]


def test_a_row_without_a_result_is_left_out_and_reported(written: Any) -> None:
    history = read(written(row(0, "a"), row(1, "b", ok="")))
    assert len(kinds(history)) == 1
    assert history.notes[0] == "1 rows skipped: they do not say whether the check succeeded"


def test_future_times_are_replayed_and_reported(written: Any) -> None:
    history = read_trace(written(row(0, "a"), row(60, "a")), now=lambda: START)
    assert len(history.rounds) == 2
    assert history.notes[0] == "1 rows are dated in the future; they are replayed in their order"


@pytest.mark.parametrize(
    ("rows", "flaw"),
    [
        ([row(0, "a", latency="nan")], "line 2: latency_ms 'nan' is not a number"),
        ([row(0, "a", latency="-1")], "line 2: latency_ms '-1' is not a number"),
        ([row(0, "a"), row(0, "a", latency="1e999")], "line 3: latency_ms '1e999' is not a number"),
        ([row(0, "a", ok="maybe")], "line 2: ok 'maybe' is neither 1 nor 0"),
        ([row(0, "a", status="99")], "line 2: http_status '99' is not an HTTP status"),
        ([row(0, "")], "line 2: provider is empty"),
        (["yesterday,a,1,2,200"], "line 2: timestamp_utc 'yesterday' is not a time"),
        (["2026-01-01T00:00:00Z,a,1"], "line 2 has 3 cells, not 5"),
        ([], "it has no checks to replay"),
    ],
)
def test_a_bad_row_is_an_error_with_its_line(written: Any, rows: list[Any], flaw: str) -> None:
    with pytest.raises(ReplayError) as caught:
        read(written(*rows))
    assert flaw in str(caught.value)
    assert "trace.csv: " in str(caught.value)


@pytest.mark.parametrize(
    ("header", "missing"),
    [("timestamp_utc,provider,ok", "latency_ms, http_status"), ("", "timestamp_utc, provider")],
)
def test_missing_columns_are_named(written: Any, header: str, missing: str) -> None:
    with pytest.raises(ReplayError, match=f"column {missing}"):
        read(written(header=header))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'a,"b\n', b"\0\n"])
def test_what_is_no_csv_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(content)
    with pytest.raises(ReplayError, match=r"trace\.csv"):
        read(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"gone\.csv cannot be read: No such file"):
        read(tmp_path / "gone.csv")


def rounds_of(*latencies: Any) -> list[Any]:
    """Rounds half an hour apart: for each the latencies of a, b, …; "x" for a failure."""
    return [
        row(30 * n, name, *(("0", "", "") if ms == "x" else ("1", str(ms), "200")))
        for n, each in enumerate(latencies)
        for name, ms in zip("abc", each, strict=False)
    ]


def test_each_choice_is_judged_at_the_next_observation(written: Any) -> None:
    rounds = rounds_of((100, 200), (300, 200), (150, 250), ("x", 400), (50, 70))
    (result,) = results(read(written(*rounds)), "lowest_latency", warm_up=0)
    # chosen: a, b, a, b; met: 300 (best 200), 250 (best 150), a failure (best 400), 70 (best 50)
    assert attrs.astuple(result) == (
        "lowest_latency",
        4,
        75.0,
        pytest.approx((300 + 250 + 70) / 3),
        pytest.approx((100 + 100 + 9_600 + 20) / 4),
        3,  # the fifth choice, a again, meets nothing
    )


def test_the_first_rounds_are_not_judged(written: Any) -> None:
    rounds = rounds_of((100, 200), (300, 200), (150, 250), (100, 400), (50, 70))
    (result,) = results(read(written(*rounds)), "lowest_latency")
    assert (result.n, result.latency_ms, result.switches) == (1, 50.0, 2)


def test_a_single_provider_has_no_regret(written: Any) -> None:
    (result,) = results(read(written(*rounds_of(*[(100,)] * 6))), "expected_cost")
    assert (result.n, result.success_percent, result.cost_regret_ms, result.switches) == (
        2,
        100.0,
        0.0,
        0,
    )


def test_too_few_rounds_give_no_figures_and_say_so(written: Any) -> None:
    history = read(written(*rounds_of((100, 200))))
    (result,) = results(history, "expected_cost")
    assert (result.n, result.success_percent, result.cost_regret_ms) == (0, None, None)
    assert history.notes == ("1 rounds are too few: at least 5 are needed",)


def test_no_choice_counts_as_a_failed_call(written: Any) -> None:
    rounds = rounds_of(*[("x", "x")] * 5, (100, 100))
    (result,) = results(read(written(*rounds)), "expected_cost")
    # after rounds 4 and 5 both are down; in round 5 nobody could do better
    assert (result.n, result.success_percent) == (2, 0.0)
    assert result.cost_regret_ms == pytest.approx(9_900 / 2)


def test_an_unknown_latency_counts_as_a_success_without_a_cost(written: Any) -> None:
    rounds = rounds_of(*[(100, 200)] * 4, ("", 200))
    (result,) = results(read(written(*rounds)), "expected_cost")
    assert (result.n, result.success_percent) == (1, 100.0)
    assert (result.latency_ms, result.cost_regret_ms) == (None, None)


def raises(candidates: Any, incumbent: Any) -> None:
    raise RuntimeError("no idea")


def test_a_failing_policy_is_named(written: Any) -> None:
    history = read(written(*rounds_of((100, 200))))
    with pytest.raises(ReplayError, match='policy "mine:raises" failed: RuntimeError: no idea'):
        replay(history, {"mine:raises": raises})


async def test_files_are_replayed_into_json(written: Any) -> None:
    path = written(*rounds_of(*[(100, 200)] * 6))
    answer = await replay_files(trace=path, policies=["expected_cost"])
    assert answer["policies"] == [
        {
            "policy": "expected_cost",
            "n": 2,
            "success_percent": 100.0,
            "latency_ms": 100.0,
            "cost_regret_ms": 0.0,
            "switches": 0,
        }
    ]


async def test_all_shipped_policies_are_replayed_when_none_is_named(written: Any) -> None:
    answer = await replay_files(trace=written(*rounds_of((100,))))
    assert [each["policy"] for each in answer["policies"]] == [
        "expected_cost",
        "lowest_latency",
        "peak_ewma",
    ]


async def test_an_unknown_policy_is_a_replay_error(written: Any) -> None:
    with pytest.raises(ReplayError, match='no ranking policy "best"'):
        await replay_files(trace=written(row(0, "a")), policies=["best"])


async def test_a_missing_database_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"gone\.db cannot be replayed: "):
        await replay_files(config=Config(database=str(tmp_path / "gone.db")))
    assert list(tmp_path.iterdir()) == []


async def live(path: Path, checks: int) -> list[Ranking]:
    """What a tracker answers after each of some checks, all stored at ``path``."""
    dice = random.Random(7)
    now = [0.0]
    clock = Clock(now=lambda: START + timedelta(seconds=now[0]), steady=lambda: now[0])
    board = Board(Snapshot(timestamp=START, revision=0, ranking=Ranking(reason="")))
    aggregator = Aggregator(board=board, backlog=Backlog(), rank=FallbackRanker(), clock=clock)
    names = ("groq", "mistral", "openai")
    for name in names:
        aggregator.handle(ProviderAdded(provider=provider(name)))
    answers = []
    for n in range(checks):
        now[0] = 100.0 * n
        kind = dice.choices(
            (OutcomeKind.OK, OutcomeKind.SLOW, OutcomeKind.TIMEOUT, OutcomeKind.AUTH), (85, 5, 8, 2)
        )[0]
        latency = (
            dice.uniform(1_001, 3_000)
            if kind is OutcomeKind.SLOW
            else dice.lognormvariate(4.6, 0.4)
        )
        seen = outcome(kind, provider=names[n % 3], after=now[0], latency_ms=latency)
        aggregator.handle(CheckCompleted(result=seen, next_due=now[0] + 300.0))
        aggregator.handle(Publish(done=trio.Event()))
        answers.append(board.latest.ranking)
    async with open_store(str(path), clock=clock) as store:
        await store.write(aggregator.backlog.take(10_000))
    return answers


async def test_the_rankings_of_a_tracker_are_reproduced_from_its_database(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    answers = await live(path, 300)
    stored = await read_database(path)
    one_by_one = History.of([s for r in stored.rounds for s in r], round_seconds=0.0)
    again = list(
        rankings("expected_cost", load_policy("expected_cost"), StateReplay().states(one_by_one))
    )
    # From the third check on each provider has been seen; before, the tracker knows its name only.
    assert [r.ranked for r in again[2:]] == [r.ranked for r in answers[2:]]
    assert [r.best for r in again] == [r.best for r in answers]
    assert len({r.best for r in answers}) > 1


def hourly(rounds: Any, **providers: Any) -> list[Any]:
    """Rows of a check an hour of each provider: its cells in turn, "" for a round without it."""
    return [
        f"{START + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ},{name},{cells[n % len(cells)]}"
        for n in range(rounds)
        for name, cells in providers.items()
        if cells[n % len(cells)]
    ]


def expected_cost(path: Any, **more: Any) -> Any:
    (result,) = results(read(path, **more), "expected_cost", **more)
    return result


GOOD, SLOWER, LIMITED, BROKEN = "1,100,200", "1,150,200", "0,,429", "0,,500"


@pytest.mark.parametrize("failure", [LIMITED, BROKEN, "0,,402", "0,80,429", "0,80,500"])
def test_a_limit_counts_in_the_ranking_like_a_failure(written: Any, failure: Any) -> None:
    result = expected_cost(written(*hourly(60, a=[GOOD, failure], b=[SLOWER])))
    assert (result.success_percent, result.switches) == (100.0, 1)


def test_a_request_that_is_our_mistake_is_not_counted(written: Any) -> None:
    for status in (400, 405, 409, 413, 422):
        path = written(*hourly(40, a=[f"0,,{status}", GOOD, GOOD, GOOD], b=["1,900,200"]))
        result = expected_cost(path)
        assert (result.success_percent, result.latency_ms) == (100.0, 100.0)
        assert "10 rows are malformed requests" in read(path).notes[0]


def test_each_provider_is_judged_by_its_own_time_out(written: Any) -> None:
    slow = Timing(timeout_seconds=60.0, degraded_latency_ms=30_000.0)
    path = written(*hourly(10, a=["1,20000,200"]))
    assert kinds(read(path, timings={"a": slow})) == [OutcomeKind.OK] * 10
    result = expected_cost(path, timings={"a": slow})
    assert (result.success_percent, result.cost_regret_ms) == (100.0, 0.0)


def test_hysteresis_begins_at_the_first_sweep_whatever_is_added_later(written: Any) -> None:
    rows = hourly(60, a=["1,105,200", GOOD], b=[GOOD, "1,105,200"])
    path = written(*rows, hourly(60, c=["1,5000,200"])[-1])
    assert expected_cost(path).switches == 0
    assert read(path).notes == ("joined after the first of 60 rounds: c (round 60)",)


def test_the_regret_of_a_failure_is_unknown_without_latencies_of_the_others(
    written: Any,
) -> None:
    path = written(*hourly(40, a=["0,,", "1,,", "1,,", "1,,"], b=["1,,"]))
    (result,) = results(read(path), "lowest_latency")
    assert (result.success_percent, result.cost_regret_ms) == (75.0, None)


def test_a_provider_whose_rows_end_becomes_stale_and_is_reported(written: Any) -> None:
    path = written(*hourly(5, a=[GOOD]), *hourly(60, b=["1,500,200"]))
    result = expected_cost(path)
    assert (result.n, result.switches) == (52, 1)
    assert read(path).notes == (
        "ended before the last of 60 rounds: a (round 5); stale from then on",
    )


def test_a_status_of_0_is_unknown_and_reported(written: Any) -> None:
    path = written(*hourly(5, a=[GOOD]), *hourly(1, b=["0,,0"]))
    assert OutcomeKind.CONNECT in kinds(read(path))
    assert "1 rows have http_status 0, which means unknown" in read(path).notes


@pytest.mark.parametrize("minutes", [1, 5, 36, 1_440])
def test_a_round_is_as_long_as_the_interval_of_the_checks(written: Any, minutes: int) -> None:
    rows = [row(minutes * n, name) for n in range(20) for name in "ab"]
    history = read(written(*rows))
    assert len(history.rounds) == 20
    (result,) = results(history, "expected_cost")
    assert result.n == 16


def test_a_recheck_belongs_to_the_round_of_its_check(written: Any) -> None:
    later = START + timedelta(minutes=20, seconds=2)
    again = f"{later:%Y-%m-%dT%H:%M:%SZ},a,0,,500"
    rows = [row(5 * n, "a") for n in range(8)]
    assert len(read(written(*rows, again)).rounds) == 8
