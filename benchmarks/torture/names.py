"""Names that lead elsewhere all at once: a sinkhole, a captive portal, a metadata service, us.

A real ``serve`` sees a file of hosts of its own (a mount of its own; needs root). It is checked on
request, three times after each change. Every request that arrives where none may is counted.
"""

import shutil
import sys
import tempfile
from collections.abc import Mapping
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
HERE = {"open.test": "127.0.0.1", "private.test": "127.0.0.1", "key.localhost": "127.0.0.1"}


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


async def names_astray() -> Outcome:
    """One row for each place that a name may lead to, and each answer that tells nothing."""
    if not can_mount_hosts():
        return Outcome({"skipped": "needs root and unshare"})
    table: dict[str, Figures] = {}
    wrong: list[str] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hosts, watched = folder / "hosts", Watched()
        write_hosts(hosts, HERE)
        target = await stack.enter_async_context(broken.raw_server(watched.talk))
        other = await stack.enter_async_context(simulated_provider("other"))
        port = target.url.rpartition(":")[2].partition("/")[0]
        urls = {
            "open": f"http://open.test:{port}/v1",
            "private": f"http://private.test:{port}/v1",
            "key": f"http://key.localhost:{port}/v1",
            "other": other.base_url,
        }
        own = {"private": "allow_private = true", "key": 'api_key_env = "SOME_KEY"'}
        starting = served(
            folder,
            urls,
            tracker=MANUAL,
            own=own,
            wrapped=(*MOUNT, str(hosts)),
            SOME_KEY="sk-canary-0123456789",
        )
        server = await stack.enter_async_context(starting)

        async def expect(what: str, names: tuple[str, ...], outcome: str, status: str) -> None:
            before = watched.asked
            found = await look(server, *names)
            asked = watched.asked - before if outcome == "dns" else 0
            others = (3 - len(names)) * CHECKS
            right = all(each == (outcome, status, status == "healthy") for each in found.values())
            table[what] = {"passed": right and asked <= others, **_told(found)}
            if not right:
                wrong.append(f"{what}: expected {outcome}, {status}; found {found}")
            if asked > others:
                wrong.append(f"{what}: it was asked {asked - others} times")

        # One at a time: where all are lost it is our own network, which is held against nobody.
        for name, host in (("open", "open.test"), ("private", "private.test")):
            for address in NEVER:
                write_hosts(hosts, {**HERE, host: address})
                await expect(f"{address}, {name}", (name,), "dns", "down")
        for name, host in (("open", "open.test"), ("key", "key.localhost")):
            for address in PRIVATE:
                write_hosts(hosts, {**HERE, host: address})
                await expect(f"{address}, {name}", (name,), "dns", "down")
        write_hosts(hosts, {**HERE, "key.localhost": "8.8.8.8"})
        await expect("a public address, for a key", ("key",), "dns", "down")
        write_hosts(hosts, HERE)
        await expect("home again", ("open", "private", "key"), "ok", "healthy")
        for what, (reply, outcome, status) in ANSWERS.items():
            watched.reply = reply
            await expect(what, ("open", "private", "key"), outcome, status)
            watched.reply = broken.GOOD
            await look(server)
        code, _ = await server.end()
        if code or b"sk-canary" in server.said:
            wrong.append(f"exit code {code}, or a key in the log")
    return Outcome(table, tuple(wrong))


def write_hosts(file: Path, names: Mapping[str, str]) -> None:
    """In place: the mount is of the file itself."""
    lines = [f"{address} {name}\n" for name, address in names.items()]
    file.write_text("127.0.0.1 localhost\n" + "".join(lines))


async def look(server: Served, *names: str) -> dict[str, tuple[str, str, bool]]:
    """Outcome, status and usable of these, after three checks of all."""
    for _ in range(CHECKS):
        await check_all(server)
    told: Any = (await server.json("/api/providers/status"))["providers"]
    return {n: (told[n]["outcome"], told[n]["status"], told[n]["usable"]) for n in names}


def _told(found: Mapping[str, tuple[str, str, bool]]) -> Figures:
    return {
        "outcomes": "/".join(sorted({outcome for outcome, _, _ in found.values()})),
        "statuses": "/".join(sorted({status for _, status, _ in found.values()})),
        "usable": any(usable for _, _, usable in found.values()),
    }
