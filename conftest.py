"""What all tests share: how hypothesis searches, needed programs, how many run in parallel."""

import gc
import inspect
import logging
import os
import signal
import sys
from collections.abc import Iterator
from itertools import chain

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.helpers.compiled_tests import compile_new
from tests.helpers.forked_start import fork_starts
from tests.helpers.programs import missing_lines, other_skips, skip_without_programs
from tracker.probes.http import network

# No deadline: a busy machine is slow, and not wrong. The same examples in each run of ``quick``,
# so that a failure comes from the change at hand; ``nightly`` looks for new ones.
settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "nightly", deadline=None, max_examples=2_000, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
if os.environ.get("HYPOTHESIS_PROFILE") == "nightly":
    os.environ.setdefault("PYTEST_TIMEOUT", "0")  # thousands of examples take hours

# Logs go past what a test captures: a tracker in a thread may log while a command prints.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
DEFAULT_LOGS = structlog.get_config()

# A latency is unknown where another program had our processor while the request was sent. On a busy
# machine that is one check in two hundred, and no test of anything else has to allow for it.
network.MOST_UNSURE = float("inf")

# A shell that runs the tests in its background has them ignore Ctrl-C, and programs that they
# start would inherit that; a handler is not inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    folders = ("tracker", "api", "tests", "property_tests", "benchmarks")
    compile_new(config, [m for name in folders for m in (config.rootpath / name).rglob("*.py")])


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors (``-n auto``): many tests wait for a process or a deadline."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Collect no more what was imported: in each test it took a twelfth of the CPU."""
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.hookimpl(tryfirst=True)  # before fixtures that need the program
def pytest_runtest_setup(item: pytest.Function) -> None:
    skip_without_programs(item)
    # pytest-trio runs a test on the clock among its own parameters: that of a fixture stands still.
    clocks = {"mock_clock", "autojump_clock"}.intersection(item.fixturenames)
    if clocks:
        assert clocks & set(inspect.signature(item.function).parameters), "it takes no clock itself"


@pytest.fixture(autouse=True, scope="session")
def _cheap_starts() -> Iterator[None]:
    """Fork the command line from a process that has imported it."""
    with fork_starts():
        yield


@pytest.fixture(autouse=True)
def _default_logging() -> Iterator[None]:
    """Each test begins with the same logs, whatever a tracker in this process has set before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    structlog.configure(**DEFAULT_LOGS)
    yield
    structlog.configure(**DEFAULT_LOGS)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _no_file_hangs() -> Iterator[None]:
    """Each test begins without the files that hung in another: the process remembers them."""
    yield
    if (reader := sys.modules.get("tracker.core.patient_reader")) is not None:
        reader._hanging.clear()  # noqa: SLF001 (no door of its own: only tests forget)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    stats = terminalreporter.stats
    reports = [*chain(stats.get("skipped", ()), stats.get("error", ()))]
    for line in (*other_skips(reports), *missing_lines(reports)):
        terminalreporter.write_line(line)
