"""Incidents and alerts of real processes, on a faster clock, sent to real receivers."""

import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs
import httpx

from integration.alert_receivers import MAIL, SECRET, SERVICE, WEBHOOK, Receivers, receivers
from integration.alert_upstreams import MODEL, OTHER, OVERLOADED, Upstreams, upstreams
from integration.fast_clock import FastClock
from integration.report import expect, insist, say, wait_for
from integration.served import Served, served
from tests.helpers.ports import lasting_port

MINUTE, HOUR = 60.0, 3600.0
OPENED, REMINDER, RESOLVED = "incident.opened", "incident.reminder", "incident.resolved"
TEN = tuple("abcdefghij")
RATE = 10.0  # a second of the process must be longer than 100 ms on a busy machine
FASTER = 20.0  # for the longest trials, where seconds matter less
PATIENCE = 180.0  # of our seconds
COUNTS = ("opened", "sent", "repeated", "resolved", "suppressed", "failed")
START = datetime(2026, 6, 3, 12, tzinfo=UTC)


@attrs.define(eq=False)
class Trial:
    """A tracker that watches ``names``, and the receivers of its alerts."""

    names: tuple[str, ...]
    folder: Path
    clock: FastClock
    provider: Upstreams
    told: Receivers
    proxy_port: int = 0
    served: Served | None = None
    stack: ExitStack = attrs.field(factory=ExitStack)
    before: Counter[str] = attrs.field(factory=Counter)  # counts of processes that have ended

    @property
    def tracker(self) -> Served:
        assert self.served is not None
        return self.served

    def start(self) -> None:
        """Start the tracker and let two checks of every provider pass."""
        variables = {
            "PROVIDER_STATUS_ALERTS": "\n".join(self.told.urls),
            "PROVIDER_STATUS_ALERT_SECRET": SECRET,
            **self.clock.variables(),
        }
        self.served = self.stack.enter_context(served(self.folder, variables, keep_alive=False))
        wait_for("the first sweep", lambda: self.get("/readyz").is_success, PATIENCE)

    def stop(self, *, kill: bool = False) -> None:
        """Stop it, gracefully or not; the counts of the process are added to ours."""
        self.before = self.counts()
        if kill:
            self.tracker.program.signal(signal.SIGKILL)
        else:
            expect(self.tracker.program.stop()[0], 0, "the exit code of serve")
        self.stack.close()
        self.served = None

    def get(self, path: str) -> httpx.Response:
        return self.tracker.http.get(path)

    def fails(self, *names: str) -> None:
        self.provider.fail(*(names or self.names))

    def recovers(self) -> None:
        self.provider.recover()

    def passes(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def checked(self) -> None:
        """Wait for two more checks of each provider: outages after them are announced."""
        for _ in range(2):
            wait_for(
                "a check of every provider", partial(self._moved, self.last_checks()), PATIENCE
            )

    def _moved(self, last: dict[str, str]) -> bool:
        return all(at > last[name] for name, at in self.last_checks().items())

    def last_checks(self) -> dict[str, str]:
        views = self.tracker.ask("status")["providers"]
        return {name: view["last_check"] for name, view in views.items()}

    def is_down(self, *names: str) -> bool:
        views = self.tracker.ask("status")["providers"]
        return all(views[name]["status"] == "down" for name in names or self.names)

    def until_down(self, *names: str) -> None:
        wait_for("providers that are down", lambda: self.is_down(*names), PATIENCE)

    def until_well(self) -> None:
        """Wait until the incidents are over, except a flapping one, which stays open."""
        views = self.tracker.ask
        wait_for(
            "providers that are well",
            lambda: all(v["status"] == "healthy" for v in views("status")["providers"].values()),
            PATIENCE,
        )

    def until_told(self, *kinds: str) -> None:
        """Wait for the webhook's last kind and all others; then require all of them."""
        wait_for(
            f"messages {kinds}, not {self.told.kinds()}",
            lambda: len(self.distinct()) >= len(kinds) and not self.waiting(),
            PATIENCE,
        )
        self.expect(*kinds)

    def waiting(self) -> int:
        return int(self.tracker.ask("health")["alerts"]["waiting"])

    def distinct(self) -> list[str]:
        """Return the webhook's messages, each key once."""
        return [kind for _, kind in dict.fromkeys((m.key, m.kind) for m in self.told.of(WEBHOOK))]

    def counts(self) -> Counter[str]:
        now = self.tracker.ask("health")["alerts"]
        return Counter({word: now[word] + self.before[word] for word in COUNTS})

    def expect(self, *kinds: str) -> None:
        """Require that every receiver got these in this order; a failed attempt may have
        arrived."""
        expect(self.distinct(), list(kinds), "what the webhook was told")
        spare = self.counts()["failed"]
        for channel in (WEBHOOK, MAIL, SERVICE):
            came = len(self.told.of(channel))
            insist(len(kinds) <= came <= len(kinds) + spare, f"{len(kinds)} by {channel}: {came}")
        expect(self.told.told_twice(), [], "what was told twice with another key")

    def words(self) -> str:
        counted = self.counts()
        return ", ".join(f"{word} {counted[word]}" for word in COUNTS)


def one_outage(trial: Trial) -> None:
    """Show one outage; a reminder comes after a quarter of an hour in this trial."""
    trial.fails()
    trial.until_told(OPENED)
    trial.passes(12 * MINUTE)
    trial.until_told(OPENED, REMINDER)
    trial.recovers()
    trial.until_told(OPENED, REMINDER, RESOLVED)


def ten_at_once(trial: Trial) -> None:
    trial.fails()
    trial.until_told(OPENED)
    trial.passes(5 * MINUTE)
    trial.recovers()
    trial.until_told(OPENED, RESOLVED)
    insist("10 providers" in trial.told.of(WEBHOOK)[0].text, "the message names all ten")


def one_of_ten(trial: Trial) -> None:
    """Show that one outage of ten sends no urgent message while others serve."""
    trial.fails("a")
    trial.until_down("a")
    trial.passes(5 * MINUTE)
    expect(trial.counts()["suppressed"], 1, "suppressed openings")
    trial.recovers()
    trial.until_well()
    trial.passes(2 * MINUTE)
    trial.expect()


def flap(trial: Trial) -> None:
    """Let a provider fail six times for a minute or more; then 30 minutes are quiet."""
    for _ in range(6):
        trial.fails()
        trial.until_down()
        trial.passes(45.0)
        trial.recovers()
        trial.until_well()
        trial.passes(45.0)
    trial.until_told(OPENED, RESOLVED, OPENED)
    shown = trial.get("/api/incidents").json()["incidents"]
    flapping = [each for each in shown if each["flapping"] and each["closed_at"] is None]
    expect(len(flapping), 2, "incidents that come and go: of the provider, and of nothing usable")
    trial.passes(27 * MINUTE)
    trial.expect(OPENED, RESOLVED, OPENED)
    trial.until_told(OPENED, RESOLVED, OPENED, RESOLVED)


def mute(trial: Trial) -> None:
    """Mute one provider; in this trial "nothing usable" is not announced."""
    trial.tracker.command("mute", "a", "--for", "20m")
    muted = trial.clock.now()
    trial.fails()
    trial.until_down()
    trial.passes(20 * MINUTE - (trial.clock.now() - muted).total_seconds() - 60.0)
    trial.expect()
    trial.until_told(OPENED)
    shown = trial.get("/api/incidents").json()
    expect(shown["mutes"], {}, "mutes that ended by themselves")
    incident = shown["incidents"][0]["id"]
    trial.tracker.command("ack", incident, "--by", "anna")
    trial.recovers()
    trial.until_told(OPENED, RESOLVED)


def maintained_night(trial: Trial, ends: datetime) -> None:
    """Show that an outage in the window is announced after it, and not before."""
    trial.fails()
    trial.until_down()
    trial.clock.sleep_until(ends - timedelta(minutes=2))
    trial.expect()
    expect(trial.counts()["opened"], 0, "incidents opened within the window")
    trial.until_told(OPENED)
    opened = trial.get("/api/incidents").json()["incidents"][-1]
    told = datetime.fromisoformat(opened["notified"][0]["at"])
    say(f"  the window ended at {ends:%H:%M} UTC, the first message was sent at {told:%H:%M:%S}")
    insist(ends <= told <= ends + timedelta(minutes=3), f"told right after the window: {told}")
    insist(datetime.fromisoformat(opened["opened_at"]) < ends, "it began within the window")


def spring_night(trial: Trial) -> None:
    """02:00 to 04:00 in Berlin is one hour, 01:00 to 02:00 UTC."""
    maintained_night(trial, datetime(2026, 3, 29, 2, tzinfo=UTC))


def autumn_night(trial: Trial) -> None:
    """02:00 to 03:00 in Berlin is two hours, 00:00 to 02:00 UTC."""
    maintained_night(trial, datetime(2026, 10, 25, 2, tzinfo=UTC))


def failing_target(trial: Trial) -> None:
    trial.told.status = 500
    trial.fails()
    wait_for("mail and json", lambda: trial.told.of(MAIL) and trial.told.of(SERVICE), PATIENCE)
    trial.passes(5 * MINUTE)
    expect(len(trial.told.of(WEBHOOK)), 0, "webhooks taken while it answers 500")
    failed = trial.counts()["failed"]
    insist(4 <= failed <= 9, f"tried again with longer and longer waits: {failed} times")
    trial.told.status = 204
    trial.until_told(OPENED)
    trial.recovers()
    trial.until_told(OPENED, RESOLVED)


def restart_during_an_outage(trial: Trial) -> None:
    trial.fails()
    trial.until_told(OPENED)
    for kill in (False, True):
        trial.stop(kill=kill)
        trial.start()
        trial.until_down()
        trial.passes(6 * MINUTE)
        trial.expect(OPENED)
    trial.recovers()
    trial.until_told(OPENED, RESOLVED)


def wrong_at_the_start(trial: Trial) -> None:
    """Show that an outage from before the start is announced only if it lasts five minutes."""
    trial.until_down()
    trial.passes(3 * MINUTE)
    trial.expect()
    trial.until_told(OPENED)


def watched_offer(trial: Trial) -> None:
    """Show that a model of ``a`` that is down while ``a`` answers is an incident of its own."""
    trial.provider.lists["b"] = (OTHER,)
    trial.checked()
    trial.provider.models["a", MODEL] = OVERLOADED
    trial.until_told(OPENED)
    (incident,) = trial.get("/api/incidents").json()["incidents"]
    expect((incident["cause"], incident["subject"]), ("offer", f"a/{MODEL}"), "the incident")
    insist(not trial.is_down("a"), "its provider is not down")
    text = trial.told.of(WEBHOOK)[0].text
    insist("No other watched provider serves" in text, "it says what still serves it")
    insist(f"/best?model={MODEL} answers 503" in text, "it says what /best?model= answers")
    say("  " + text.replace("\n", "\n" + 12 * " "))
    trial.recovers()
    trial.until_told(OPENED, RESOLVED)


@attrs.frozen(kw_only=True)
class Setting:
    """names: of the providers. start: of the tracker's clock. toml: more tables. broken: providers
    that fail from the start. tables: more lines of one provider's table. proxied: they are hosts
    behind a proxy that is not running yet.
    """

    play: Callable[[Trial], None]
    names: tuple[str, ...] = ("a",)
    start: datetime = START
    rate: float = RATE
    alerts: str = ""
    toml: str = ""
    broken: bool = False
    proxied: bool = False
    tables: Mapping[str, str] = attrs.field(factory=dict)


ONLY_PROVIDERS = 'page = ["provider"]'
NIGHT = '[[maintenance]]\nweekly = "Sun {hours}"\ntimezone = "Europe/Berlin"'
TRIALS = {
    "maintenance in the night with two hours of 02:00": Setting(
        play=autumn_night,
        start=datetime(2026, 10, 25, 0, 50, tzinfo=UTC),
        rate=FASTER,
        toml=NIGHT.format(hours="02:00-03:00"),
    ),
    "a flap": Setting(play=flap, rate=FASTER),
    "one outage": Setting(play=one_outage, alerts="reminder_hours = 0.25"),
    "maintenance in the night without 02:00": Setting(
        play=spring_night,
        start=datetime(2026, 3, 29, 1, 2, tzinfo=UTC),
        rate=FASTER,
        toml=NIGHT.format(hours="02:00-04:00"),
    ),
    "a mute": Setting(play=mute, alerts=ONLY_PROVIDERS),
    "a restart and a kill during an outage": Setting(play=restart_during_an_outage),
    "a target that fails for 5 minutes": Setting(play=failing_target),
    "ten at once": Setting(play=ten_at_once, names=TEN),
    "one of ten": Setting(play=one_of_ten, names=TEN),
    "wrong at the start": Setting(play=wrong_at_the_start, broken=True),
    "one watched model of a provider": Setting(
        play=watched_offer,
        names=("a", "b"),
        alerts='page = ["nothing_usable", "key", "network", "provider", "offer"]',
        tables={"a": f'models = ["{MODEL}"]\nmodel_interval_seconds = 60'},
    ),
}


def play_trial(setting: Setting, library: Path) -> str:
    """Run one trial and return the counts. Raises UnexpectedError at the first deviation."""
    with trial_of(setting, library) as trial:
        setting.play(trial)
        return f"{trial.words()}; received: {trial.told.counts()}"


def config(setting: Setting, provider: Upstreams, proxy_port: int) -> str:
    """Return tracker.toml with time limits long enough for a busy machine at this rate."""
    lines = [
        "[tracker]\ndiscover = false\ninterval_seconds = 30\ntimeout_seconds = 20",
        "recheck_seconds = [5]\ndegraded_latency_ms = 20000\njitter = 0",
        f"[alerts]\n{setting.alerts}",
        setting.toml,
    ]
    for name in setting.names:
        url, more = provider.base_url(name), setting.tables.get(name, "")
        if setting.proxied:
            url, more = (
                f"http://{name}.example/{name}/v1",
                f'proxy = "http://127.0.0.1:{proxy_port}"',
            )
        lines.append(f'[providers.{name}]\nkind = "openai"\nbase_url = "{url}"\n{more}')
    return "\n".join(lines)


@contextmanager
def trial_of(setting: Setting, library: Path) -> Iterator[Trial]:
    with (
        tempfile.TemporaryDirectory() as name,
        receivers(fast=True) as told,
        upstreams() as provider,
    ):
        folder, proxy_port = Path(name), lasting_port() if setting.proxied else 0
        (folder / "tracker.toml").write_text(config(setting, provider, proxy_port))
        clock = FastClock(library=library, start=setting.start, rate=setting.rate)
        trial = Trial(setting.names, folder, clock, provider, told, proxy_port)
        if setting.broken:
            trial.fails()
        with trial.stack:
            trial.start()
            if not setting.broken and not setting.proxied:
                trial.checked()
            yield trial
