from typing import Any

import pytest
import structlog
import trio
from trio.testing import MockClock

from tracker.core.backoff import Backoff
from tracker.runtime import restarting_task as keeper_module
from tracker.runtime.restarting_task import RestartBudgetExceededError, RestartingTask


class Flaky:
    """Crashes ``crashes`` times, then returns."""

    def __init__(self, crashes: int) -> None:
        self.crashes, self.times = crashes, list[float]()

    async def run(self) -> None:
        self.times.append(trio.current_time())
        if len(self.times) <= self.crashes:
            raise ValueError("a bug that knows sk-secret")


async def test_a_crashed_task_runs_again_after_1_2_4_seconds(autojump_clock: MockClock) -> None:
    flaky = Flaky(3)
    keeper = RestartingTask("writer", flaky.run)
    await keeper.keep()
    assert flaky.times == [0.0, 1.0, 3.0, 7.0]
    assert keeper.restarts == 3


async def test_past_its_budget_the_crash_is_raised(autojump_clock: MockClock) -> None:
    keeper = RestartingTask("aggregator", Flaky(99).run, Backoff(budget=3))
    with pytest.raises(RestartBudgetExceededError, match="the aggregator crashed 3 times"):
        await keeper.keep()


async def test_the_logged_traceback_is_masked(autojump_clock: MockClock) -> None:
    with structlog.testing.capture_logs() as logs:
        await RestartingTask(
            "x", Flaky(1).run, mask=lambda text: text.replace("sk-secret", "***")
        ).keep()
    assert "ValueError: a bug that knows ***" in logs[0]["trace"]
    assert "sk-secret" not in str(logs)


async def test_a_broken_logger_does_not_prevent_a_restart(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def error(*_: object, **__: Any) -> None:
        raise ValueError("I/O operation on closed file")

    monkeypatch.setattr(keeper_module.log, "error", error)
    keeper = RestartingTask("aggregator", Flaky(1).run)
    await keeper.keep()
    assert keeper.restarts == 1
