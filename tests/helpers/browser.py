"""A headless Chromium, and a tracker for it to show: real, except for its checks."""

import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from api.server import serve
from tests.helpers.factories import until_settled
from tests.helpers.ports import lasting_port
from tests.helpers.programs import find_program
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker import Tracker, run_tracker
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Config, MaintenanceWindow, Provider, ServerSettings, Timing
from tracker.probes.check import FunctionCheck

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
WebDriverException = pytest.importorskip("selenium.common.exceptions").WebDriverException
keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
CHROMIUM, DRIVER = find_program("Chromium"), find_program("chromedriver")
needs_chromium = pytest.mark.needs_program("Chromium", "chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page of the browser itself, rendered at its start and never shown: a third of that start.
    "--disable-features=PreloadTopChromeWebUI",
)
SHORT = "const $ = (s) => document.querySelector(s), $$ = (s) => [...document.querySelectorAll(s)];"
# The page asks itself, for a second: a question from here takes time of four processes.
ASK = """
const done = arguments[arguments.length - 1];
let asked = 0;
const ask = () => {
  try {
    const value = (%s);
    if (value || (asked += 1) === 40) done({value});
    else setTimeout(ask, 25);
  } catch (error) {
    done({error: `${error}`});
  }
};
ask();
"""
LEFT = ("document unloaded", "aborted by navigation")  # what Chromium says if the page went away
TOKEN = "a-long-admin-token"
QUIET = Timing(  # checks are made only on request of the test
    interval_seconds=3600.0, timeout_seconds=5.0, recheck_seconds=(3600.0,), failures_to_down=1
)


def good(milliseconds: float = 100.0) -> CheckResult:
    facts = Facts(reachable=True, authenticated=True)
    models = ("gpt-oss-20b", "llama-3.1-8b-instant")
    return CheckResult(kind=OutcomeKind.OK, latency_ms=milliseconds, facts=facts, models=models)


def bad(kind: OutcomeKind = OutcomeKind.SERVER, message: str = "HTTP 500") -> CheckResult:
    return CheckResult(kind=kind, message=message, facts=Facts(reachable=True))


@attrs.define
class House:
    """``findings``: results of the next checks; the default is ok after 100 ms."""

    folder: Path
    names: tuple[str, ...]
    port: int = attrs.field(factory=lasting_port)
    findings: dict[str, CheckResult] = attrs.field(factory=dict)
    maintenance: tuple[MaintenanceWindow, ...] = ()
    _tracker: Any = None
    _token: Any = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it; on return every provider is checked, and it answers on the same port each
        time."""
        url: Future[str] = Future()
        self._thread = threading.Thread(
            target=trio.run, args=(partial(self._run, url),), daemon=True
        )
        self._thread.start()
        self.port = int(url.result(GIVE_UP_SECONDS).rpartition(":")[2])

    def stop(self) -> None:
        if self._thread is not None:
            self._token.run_sync_soon(self._tracker.stop)
            self._thread.join()
            self._thread = None

    def check(self, *names: str) -> None:
        trio.from_thread.run(self._tracker.check, *names, trio_token=self._token)

    async def _run(self, url: "Future[str]") -> None:
        try:
            await serve(
                self._config(), announce=url.set_result, track=self._track, heed_signals=False
            )
        except BaseException as error:  # the test waits for the URL
            if not url.done():
                url.set_exception(error)
            raise

    def _config(self) -> Config:
        return Config(
            database=str(self.folder / "seen.db"),
            providers=tuple(
                Provider(name=name, base_url="http://127.0.0.1:9/v1", timing=QUIET)
                for name in self.names
            ),
            server=ServerSettings(port=self.port, admin_token=Secret(TOKEN)),
            maintenance=self.maintenance,
        )

    async def _track(self, config: Config, *, task_status: trio.TaskStatus[Tracker]) -> None:
        async with trio.open_nursery() as nursery:
            run = partial(run_tracker, config, open_check=self._open_check)
            self._tracker = await nursery.start(run)
            self._token = trio.lowlevel.current_trio_token()
            await until_settled(self._tracker)
            task_status.started(self._tracker)

    @asynccontextmanager
    async def _open_check(
        self, provider: Provider, **_: Any
    ) -> AsyncIterator[Callable[[], Awaitable[CheckResult]]]:
        async def check() -> CheckResult:
            return self.findings.get(provider.name, good())

        yield FunctionCheck(check)


@contextmanager
def house(folder: Path, *names: str, **findings: CheckResult) -> Iterator[House]:
    built = House(folder, names, findings=findings)
    built.start()
    try:
        yield built
    finally:
        built.stop()


@attrs.define
class Browser:
    """One window. Scripts see ``arguments``, $ and $$, and return JSON."""

    driver: Any

    def open(self, url: str, *, width: int = 1440, height: int = 900) -> None:
        self.driver.get("about:blank")  # otherwise a changed hash would not load it again
        self.resize(width, height)
        self.said()
        self.requested()
        self.driver.get(url)

    def resize(self, width: int, height: int = 900) -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(SHORT + script, *arguments)

    def command(self, name: str, **options: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, options)

    def until(self, expression: str, *arguments: Any) -> Any:
        """Return the first truthy value of an expression; a failure tells what the page shows."""
        give_up = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < give_up:
            try:
                told = self.driver.execute_async_script(SHORT + ASK % expression, *arguments)
            except WebDriverException as error:
                if not any(reason in error.msg for reason in LEFT):
                    raise
            else:
                assert "error" not in told, f"{expression} {arguments}: {told['error']}"
                if told.get("value"):
                    return told["value"]
        shown = self.value("document.body.innerText.slice(0, 1500)")
        raise AssertionError(f"never true: {expression} {arguments}; shown: {shown}")

    def type(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def text(self, selector: str) -> str:
        return str(self.value("$(arguments[0]).innerText", selector))

    def value(self, expression: str, *arguments: Any) -> Any:
        return self.run(f"return {expression}", *arguments)

    def said(self) -> list[str]:
        """Return the console's messages since the last call: errors and policy violations."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in {"SEVERE", "WARNING"}
        ]

    def requested(self) -> list[str]:
        """Return every URL requested since the last call."""
        events = (json.loads(e["message"])["message"] for e in self.driver.get_log("performance"))
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
