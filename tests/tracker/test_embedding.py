"""The whole tracker inside a program of any kind, on a thread of its own."""

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from tracker import Tracker, get_healthiest_provider
from tracker.client import ProviderStatusClient
from tracker.core.backoff import Backoff
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Config, Provider
from tracker.embedding import EmbeddedTracker, embedded_tracker, unwrap_group
from tracker.probes.check import FunctionCheck
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.restarting_task import RestartBudgetExceededError

WAYS = ("thread", "asyncio", "trio")
ROOT = Path(__file__).parents[2]
LATENCY = {"near": 0.05, "far": 0.5}


@asynccontextmanager
async def open_check(provider: Provider, **_: Any) -> AsyncIterator[Callable[[], Any]]:
    async def check() -> CheckResult:
        return CheckResult(kind=OutcomeKind.OK, latency_ms=LATENCY[provider.name] * 1000.0)

    yield FunctionCheck(check)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        database=str(tmp_path / "provider_status.db"),
        schedule=False,
        providers=tuple(Provider(name=name, base_url="http://127.0.0.1:1") for name in LATENCY),
    )


@pytest.fixture(params=WAYS)
def use(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a function of the tracker while it is entered, in each of the three ways."""

    def run(tracker: EmbeddedTracker, body: Callable[[EmbeddedTracker], Any]) -> Any:
        if request.param == "thread":
            with tracker:
                return body(tracker)

        async def main() -> Any:
            async with tracker:
                return await anyio.to_thread.run_sync(body, tracker)

        return anyio.run(main, backend=request.param)

    return run


def test_it_checks_ranks_and_answers_from_memory(config: Config, use: Callable[..., Any]) -> None:
    def body(tracker: Any) -> tuple[Any, ...]:
        before = tracker.get_healthiest_provider(), tracker.running
        outcomes = tracker.check()
        return before, {name: o.kind for name, o in outcomes.items()}, answers(tracker)

    def answers(tracker: Any) -> tuple[Any, ...]:
        best = tracker.get_healthiest_provider()
        return best, get_healthiest_provider(tracker), tracker.snapshot.ranking.best

    assert use(embedded_tracker(config, open_check=open_check), body) == (
        (None, True),
        {"near": OutcomeKind.OK, "far": OutcomeKind.OK},
        ("near", "near", "near"),
    )


def test_the_drop_in_takes_a_client_too() -> None:
    client = ProviderStatusClient("http://127.0.0.1:1", static_order=["groq"])
    assert get_healthiest_provider(client) == "groq"


def test_leaving_stores_everything_and_then_answers_none(
    config: Config, use: Callable[..., Any]
) -> None:
    tracker = embedded_tracker(config, open_check=open_check)
    use(tracker, lambda tracker: tracker.check())
    with closing(sqlite3.connect(config.database)) as database:
        stored = database.execute("SELECT count(*) FROM checks").fetchone()
    assert (stored, tracker.running, tracker.get_healthiest_provider()) == ((2,), False, None)
    assert tracker.snapshot.ranking.best == "near"  # the last one stays readable


def test_what_keeps_it_from_running_is_raised_on_entering(
    config: Config, use: Callable[..., Any]
) -> None:
    with pytest.raises(TypeError, match="no_such_setting"):
        use(embedded_tracker(config, no_such_setting=1), lambda tracker: None)


def test_an_unknown_provider_is_the_callers_error(config: Config, use: Callable[..., Any]) -> None:
    with pytest.raises(KeyError, match="nobody"):
        use(embedded_tracker(config), lambda tracker: tracker.check("nobody"))


class BrokenCanary(LoopMonitor):
    async def run(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("its own bug")


def test_an_unrecoverable_crash_answers_none_and_is_raised_on_leaving(
    config: Config, use: Callable[..., Any]
) -> None:
    tracker = embedded_tracker(
        config,
        open_check=open_check,
        canary=BrokenCanary(),
        backoff=Backoff(first=0.001, longest=0.001, budget=1),
    )

    def body(tracker: Any) -> None:
        tracker._thread.join(60.0)
        assert (tracker.running, tracker.get_healthiest_provider()) == (False, None)

    with pytest.raises(RestartBudgetExceededError, match="canary"):
        use(tracker, body)


def test_a_job_of_the_caller_runs_on_the_trackers_loop(config: Config) -> None:
    async def where(tracker: Any) -> tuple[str, int]:
        await trio.lowlevel.checkpoint()
        return threading.current_thread().name, len(tracker.config.providers)

    with embedded_tracker(config) as tracker:
        assert tracker.call(where) == ("provider-status-tracker", 2)
    with pytest.raises(trio.RunFinishedError):
        tracker.call(where)


def test_being_cancelled_while_entering_ends_it(config: Config) -> None:
    async def main() -> None:
        async with asyncio.timeout(0), tracker:
            pytest.fail("entered")

    tracker = embedded_tracker(config, open_check=open_check)
    with pytest.raises(TimeoutError):
        asyncio.run(main())
    if tracker._thread.ident is not None:
        tracker._thread.join(60.0)
    assert not tracker.running


def test_the_interpreter_exits_with_one_left_open(tmp_path: Path) -> None:
    script = f"""
        from tracker import Config
        from tracker.embedding import embedded_tracker
        tracker = embedded_tracker(Config(database={str(tmp_path / "left.db")!r})).start()
        print(tracker.get_healthiest_provider())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert "None" in done.stdout  # a log line may stand right before it


def test_before_the_start_answers_are_none_without_a_wait(config: Config) -> None:
    tracker = embedded_tracker(config, open_check=open_check)
    assert tracker.get_healthiest_provider() is None
    with pytest.raises(RuntimeError, match="not running yet"):
        _ = tracker.snapshot
    with pytest.raises(RuntimeError, match="not running yet"):
        tracker.check()


def test_before_the_start_nothing_is_known_and_requests_are_refused(config: Config) -> None:
    tracker = embedded_tracker(config, open_check=open_check)
    assert (tracker.running, tracker.get_healthiest_provider()) == (False, None)
    with pytest.raises(RuntimeError, match="not running yet"):
        _ = tracker.snapshot
    with pytest.raises(RuntimeError, match="not running yet"):
        tracker.check()


def test_leaving_a_tracker_that_ended_by_itself_raises_nothing(config: Config) -> None:
    with embedded_tracker(config, open_check=open_check) as tracker:
        tracker.call(stop)
        tracker._thread.join(60.0)
        assert not tracker.running


async def stop(tracker: Tracker) -> None:
    tracker.stop()


def test_a_group_of_one_error_is_raised_as_that_error() -> None:
    bug = RuntimeError("its own bug")
    assert unwrap_group(ExceptionGroup("", [ExceptionGroup("", [bug])])) is bug
    several = ExceptionGroup("", [bug, bug])
    assert unwrap_group(several) is several


class LateCanary(LoopMonitor):
    """Dies once it is told to, however often it is restarted."""

    told: bool = False

    async def run(self, *_: Any, **__: Any) -> None:
        while not LateCanary.told:  # noqa: ASYNC110 (told from another thread)
            await trio.sleep(0.01)
        raise RuntimeError("its own bug")


def test_a_crash_after_the_start_is_raised_on_leaving(
    config: Config, use: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = embedded_tracker(
        config,
        open_check=open_check,
        canary=LateCanary(),
        backoff=Backoff(first=0.001, longest=0.001, budget=1),
    )

    def body(tracker: Any) -> None:
        assert tracker.running
        monkeypatch.setattr(LateCanary, "told", True)
        tracker._thread.join(60.0)
        assert (tracker.running, tracker.get_healthiest_provider()) == (False, None)

    with pytest.raises(RestartBudgetExceededError, match="canary"):
        use(tracker, body)
