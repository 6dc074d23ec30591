"""Two trackers and one PostgreSQL: one sends alerts; after its death the other uses the same
keys."""

import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from integration.alert_processes import PATIENCE, targets
from integration.alert_receivers import WEBHOOK, Receivers, receivers
from integration.alert_upstreams import Upstreams, upstreams
from integration.report import expect, insist, say, wait_for
from integration.served import Served, served
from tests.helpers.postgres import PostgresServer, new_database, postgres_server
from tests.helpers.programs import find_program
from tracker.cluster.migrate import migrate
from tracker.core.redaction import Secret

OPENED, RESOLVED = "incident.opened", "incident.resolved"
NAMES = ("a", "b")
QUIET_SECONDS = 10.0  # twice the time until the other trackers have read what the herald sent
FILE = """
[tracker]
discover = false
interval_seconds = 2
timeout_seconds = 2
recheck_seconds = [1]

[cluster]
vantage = "eu-1"
lease_seconds = 3
"""


@attrs.define
class Pair:
    """The running trackers by name, each in a folder of its own."""

    folder: Path
    hub: str
    provider: Upstreams
    told: Receivers
    stacks: dict[str, ExitStack] = attrs.field(factory=dict)
    running: dict[str, Served] = attrs.field(factory=dict)

    def start(self, name: str) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        tables = (
            f'[providers.{each}]\nkind = "openai"\nbase_url = "{self.provider.base_url(each)}"\n'
            for each in NAMES
        )
        (folder / "tracker.toml").write_text(FILE + "".join(tables))
        variables = {**targets(*self.told.urls), "PROVIDER_STATUS_POSTGRES": self.hub}
        self.stacks[name] = ExitStack()
        self.running[name] = self.stacks[name].enter_context(served(folder, variables))

    def end(self, name: str, how: signal.Signals) -> None:
        program = self.running.pop(name).program
        if how is signal.SIGTERM:
            program.stop()  # what it sent is recorded before it ends
        else:
            program.signal(how)
        self.stacks.pop(name).close()

    def herald(self) -> str | None:
        """Return the name of the tracker that sends alerts; None while none or several claim it."""
        every = [
            name
            for name, tracker in self.running.items()
            if tracker.http.get("/api/cluster").json()["herald"]
        ]
        return every[0] if len(every) == 1 else None

    def all_are(self, status: str) -> bool:
        views = (t.ask("status")["providers"].values() for t in self.running.values())
        return all(view["status"] == status for found in views for view in found)


def play() -> str:
    """Run the part. Raises UnexpectedError at the first deviation."""
    if find_program("PostgreSQL") is None:
        return "left out: PostgreSQL is not installed (Debian: apt-get install postgresql)"
    with pair() as both:
        for name in ("one", "two"):
            both.start(name)
        wait_for("one herald", both.herald, PATIENCE)
        wait_for("providers that are well", lambda: both.all_are("healthy"), PATIENCE)
        killed_while_it_sends(both)
        one_message_an_event(both)
        keys = {each.key for each in both.told.of(WEBHOOK)}
        return f"received: {both.told.counts()}; keys: {len(keys)}"


def killed_while_it_sends(both: Pair) -> None:
    """Kill the herald after the message arrived and before that is recorded anywhere."""
    told = both.told
    told.hold = threading.Event()
    both.provider.fail(*NAMES)
    wait_for("a webhook", lambda: told.of(WEBHOOK), PATIENCE)
    herald = both.herald()
    insist(herald, "one of them is the herald")
    assert herald is not None
    both.end(herald, signal.SIGKILL)
    began = time.monotonic()
    told.hold.set()
    told.hold = None
    wait_for("another herald", both.herald, PATIENCE)
    took = time.monotonic() - began
    wait_for("the webhook again", lambda: len(told.of(WEBHOOK)) >= 2, PATIENCE)
    time.sleep(QUIET_SECONDS)
    first, *again = told.of(WEBHOOK)
    expect({(m.key, m.kind) for m in again}, {(first.key, OPENED)}, "what came again")
    expect(len(again), 1, "how often it came again")
    say(f"  the herald was killed; the other took over after {took:.1f} s and used the same key")
    both.start(herald)


def one_message_an_event(both: Pair) -> None:
    """Show an end and another outage with both running; then the sender stops gracefully.

    A second end would be the fourth change within the hour: the incident would stay open.
    """
    told = both.told
    wait_for("both", lambda: both.all_are("down") and len(both.running) == 2, PATIENCE)
    both.provider.recover()
    wait_for("the end", lambda: told.kinds().count(RESOLVED) == 1, PATIENCE)
    herald = wait_for("one herald", both.herald, PATIENCE)
    both.end(herald, signal.SIGTERM)
    both.start(herald)
    wait_for("providers that are well", lambda: both.all_are("healthy"), PATIENCE)
    both.provider.fail(*NAMES)
    wait_for("another opening", lambda: told.kinds().count(OPENED) == 3, PATIENCE)
    time.sleep(QUIET_SECONDS)
    expect(told.kinds(), [OPENED, OPENED, RESOLVED, OPENED], "what was told in all")
    expect(len({m.key for m in told.of(WEBHOOK)}), 3, "keys: one an event")
    expect(told.told_twice(), [], "what was told twice with another key")


@contextmanager
def pair() -> Iterator[Pair]:
    with (
        tempfile.TemporaryDirectory() as name,
        upstreams() as provider,
        receivers() as told,
        postgres_server() as server,
        ExitStack() as stack,
    ):
        both = Pair(Path(name), make_hub(server), provider, told)
        stack.callback(lambda: [each.close() for each in both.stacks.values()])
        yield both


def make_hub(server: PostgresServer) -> str:
    """Return the URL of a tracker's role at a hub that is ready."""
    owner = new_database(server, "hub")
    migrate(Secret(owner))
    server.execute("CREATE ROLE tracker LOGIN IN ROLE provider_status_tracker")
    return owner.replace("//postgres@", "//tracker@")
