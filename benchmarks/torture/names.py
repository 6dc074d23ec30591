"""Names that lead elsewhere all at once: a sinkhole, a captive portal, a metadata service, us.

A real ``serve`` sees a file of hosts of its own (a mount of its own; needs root). It is checked on
request, three times after each change. Every request that arrives where none may is counted.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from os import geteuid
from pathlib import Path
from typing import Any

import attrs

from benchmarks.torture.once import check_all
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import Served, served
from tracker.testing import broken_servers as broken
from tracker.testing import simulated_provider
from tracker.testing.wire import HTML, Reply, Wire

MOUNT = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"')
MANUAL = "schedule = false\nfailures_to_down = 3\n"
CHECKS = 3
MOST_ROUNDS = 30  # on a busy machine a stall may spoil several
NEVER = (
    *("0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1", "255.255.255.255"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fd00:c1::a9fe:a9fe"),
)
PRIVATE = ("10.0.0.7", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fd12::1")
ANSWERS: dict[str, tuple[Reply, str, str]] = {
    "a captive portal's redirect": (
        Reply(status=302, fields=(("location", "http://portal.example/"),)),
        *("bad_response", "down"),
    ),
    "a captive portal's page": (
        Reply(body=b"<html>Please log in</html>", content_type=HTML),
        *("bad_response", "down"),
    ),
    "405, switched off": (Reply(status=405), "request", "unknown"),
    "400, not understood": (Reply(status=400, body=b"{}"), "request", "unknown"),
}
HOSTS = {"open": "open.test", "private": "private.test", "key": "key.localhost"}
ALL = tuple(HOSTS)
KEY = "sk-canary-0123456789"


def can_mount_hosts() -> bool:
    """Whether a process may have a file of hosts of its own here."""
    return sys.platform == "linux" and geteuid() == 0 and shutil.which("unshare") is not None


@attrs.define(eq=False)
class Watched:
    """A server that stands for the provider. asked: requests that came."""

    reply: Reply = broken.GOOD
    asked: int = 0

    async def talk(self, wire: Wire) -> None:
        """One answer a connection: each check looks the name up."""
        if await wire.receive() is not None:
            self.asked += 1
            await wire.send(self.reply.with_fields((("connection", "close"),)).encode())


@attrs.frozen
class Case:
    """Where names lead to, what is answered there, and what is to come of it for ``names``."""

    what: str
    names: tuple[str, ...]
    outcome: str
    status: str
    leads: Mapping[str, str] = attrs.field(factory=dict)
    reply: Reply = broken.GOOD


def cases(every: int) -> Iterator[Case]:
    """One name astray at a time: where all are lost it is our own network, no provider's fault.

    every: of the addresses that a name may lead to, one in so many.
    """
    for name, addresses in (
        ("open", NEVER),
        ("private", NEVER),
        ("open", PRIVATE),
        ("key", PRIVATE),
    ):
        for address in addresses[::every]:
            yield Case(f"{address}, {name}", (name,), "dns", "down", {HOSTS[name]: address})
    leads = {HOSTS["key"]: "8.8.8.8"}
    yield Case("a public address, for a key in clear", ("key",), "dns", "down", leads)
    yield Case("home again", ALL, "ok", "healthy")
    for what, (reply, outcome, status) in ANSWERS.items():
        yield Case(what, ALL, outcome, status, reply=reply)
        yield Case(f"well after {what}", ALL, "ok", "healthy")


async def names_astray(every: int = 1) -> Outcome:
    """One row for each place that a name may lead to, and each answer that tells nothing."""
    if not can_mount_hosts():
        return Outcome({"skipped": "needs root and unshare"})
    table: dict[str, Figures] = {}
    wrong: list[str] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hosts, watched = folder / "hosts", Watched()
        write_hosts(hosts, {})
        target = await stack.enter_async_context(broken.raw_server(watched.talk))
        other = await stack.enter_async_context(simulated_provider("other"))
        server = await stack.enter_async_context(
            served(
                folder,
                {
                    **{n: target.url.replace("127.0.0.1", h) for n, h in HOSTS.items()},
                    "other": other.base_url,
                },
                tracker=MANUAL,
                own={"private": "allow_private = true", "key": 'api_key_env = "SOME_KEY"'},
                wrapped=(*MOUNT, str(hosts)),
                SOME_KEY=KEY,
            )
        )
        for case in cases(every):
            # Two names that fail without an answer between look like a failure of our own network.
            write_hosts(hosts, {})
            watched.reply = broken.GOOD
            await check_all(server)
            write_hosts(hosts, case.leads)
            watched.reply = case.reply
            table[case.what], faults = await try_case(server, watched, case)
            wrong += [f"{case.what}: {fault}" for fault in faults]
        code, _ = await server.end()
        if code or KEY.encode() in server.said:
            wrong.append(f"exit code {code}, or a key in the log")
    return Outcome(table, tuple(wrong))


async def try_case(server: Served, watched: Watched, case: Case) -> tuple[Figures, list[str]]:
    """What three checks found. One that a stall of ours spoiled does not count."""
    asked = watched.asked
    rounds, found = await look(server, case.names)
    right = (case.outcome, case.status, case.status == "healthy")
    faults = [f"{name}: {each}" for name, each in found.items() if each != right]
    if case.outcome == "dns":
        astray = watched.asked - asked - rounds * (len(ALL) - len(case.names))
        faults += [f"it was asked {astray} times"] if astray > 0 else []
    outcome, status, usable = found[case.names[0]]
    return {"passed": not faults, "outcome": outcome, "status": status, "usable": usable}, faults


def write_hosts(file: Path, leads: Mapping[str, str]) -> None:
    """In place: the mount is of the file itself."""
    names = {**dict.fromkeys(HOSTS.values(), "127.0.0.1"), **leads, "localhost": "127.0.0.1"}
    file.write_text("".join(f"{address} {name}\n" for name, address in names.items()))


async def look(
    server: Served, names: tuple[str, ...]
) -> tuple[int, dict[str, tuple[str, str, bool]]]:
    """Rounds of checks it took, and outcome, status and usable of these after three that count."""
    rounds = counted = 0
    while counted < CHECKS and rounds < MOST_ROUNDS:
        outcomes = await check_all(server)
        rounds += 1
        counted += all(outcomes[name] != "internal" for name in names)
    told: Any = (await server.json("/api/providers/status"))["providers"]
    found = {n: (told[n]["outcome"], told[n]["status"], told[n]["usable"]) for n in names}
    return rounds, found
