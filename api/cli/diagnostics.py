"""The checks of ``doctor`` on this machine. They send nothing to providers and change nothing."""

import os
import shutil
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs
import trio

import tracker
from api.cli.errors import UnreachableError
from api.cli.tracker_client import TrackerClient, url_of
from api.http.auth import REALM
from api.server import check_bind
from api.serving.errors import CannotListenError, UnsafeBindError
from api.serving.listeners import open_listeners
from tracker.core.clock import utc_now
from tracker.core.settings import Provider, ServerSettings
from tracker.store import StoreUnavailable
from tracker.store.errors import Damaged
from tracker.store.files import companions
from tracker.store.reading import read

RESOLVE_SECONDS = 5.0
LITTLE_SPACE = 200_000_000  # bytes: a thousand providers use this in two days
SKEW_SECONDS = 60.0
OTHERS = stat.S_IRWXG | stat.S_IRWXO

Level = Literal["ok", "note", "problem"]


@attrs.frozen
class Diagnostic:
    """The result of one check. hint: what to do about a problem."""

    area: str
    level: Level
    found: str
    hint: str = ""


async def names(providers: tuple[Provider, ...]) -> list[Diagnostic]:
    """Return whether the host of each base URL (or its proxy's) has an address; DNS only."""
    hosts: dict[str, list[str]] = {}
    for provider in providers:
        if provider.enabled:
            host = urlsplit(provider.proxy or provider.base_url).hostname or ""
            hosts.setdefault(host, []).append(provider.name)
    failures: dict[str, str] = dict.fromkeys(hosts, f"no answer within {RESOLVE_SECONDS:g} s")
    limiter = trio.CapacityLimiter(max(len(hosts), 1))  # a hung look-up does not delay others

    async def resolve(host: str) -> None:
        look_up = partial(socket.getaddrinfo, host, 443, type=socket.SOCK_STREAM)
        try:
            await trio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=limiter)
            del failures[host]
        except (OSError, UnicodeError) as error:
            failures[host] = getattr(error, "strerror", None) or "not a valid name"

    with trio.move_on_after(RESOLVE_SECONDS):
        async with trio.open_nursery() as nursery:
            for host in hosts:
                nursery.start_soon(resolve, host)
    return [_name(host, used, failures.get(host)) for host, used in hosts.items()]


def _name(host: str, used: list[str], failure: str | None) -> Diagnostic:
    by = ", ".join(used)
    if failure is None:
        return Diagnostic("dns", "ok", f"{host} resolves ({by})")
    hint = "check the spelling of the base URL, and this machine's resolver and network"
    return Diagnostic("dns", "problem", f"{host} does not resolve: {failure} ({by})", hint)


def clock(newest: datetime | None, now: datetime | None = None) -> Iterator[Diagnostic]:
    """Check that the wall clock is not behind ``newest``, the last check in the database."""
    now = now or utc_now()
    hint = "set the clock; keep it right with systemd-timesyncd, chrony or your host's service"
    installed = datetime.fromtimestamp(Path(tracker.__file__).stat().st_mtime, UTC)
    for what, at in (
        ("this program was installed", installed),
        ("the last check was made", newest),
    ):
        if at is not None and (at - now).total_seconds() > SKEW_SECONDS:
            found = f"the clock says {now:%Y-%m-%d %H:%M} UTC, but {what} {at:%Y-%m-%d %H:%M}"
            yield Diagnostic("clock", "problem", found, hint)
            return
    yield Diagnostic("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC, later than the last check")


def disk(database: Path) -> Iterator[Diagnostic]:
    """Report a database folder that is missing, cannot be written, or has little space left."""
    folder = database.absolute().parent
    if not folder.is_dir():
        yield Diagnostic("disk", "problem", f"{folder} does not exist", f"mkdir -p {folder}")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        hint = "make the service the owner of the folder, or choose another file with --database"
        yield Diagnostic("disk", "problem", f"{folder} cannot be written", hint)
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:,.1f} GB free in {folder}"
    if free < LITTLE_SPACE:
        hint = "free some space; results wait in memory while the disk is full"
        yield Diagnostic("disk", "problem", found, hint)
    else:
        yield Diagnostic("disk", "ok", found)


async def state(database: Path) -> tuple[list[Diagnostic], datetime | None]:
    """Return what the database says, and when its last check was."""
    if not await trio.Path(database).exists():
        return [
            Diagnostic("database", "note", f"{database} does not exist yet; serve creates it")
        ], None
    try:
        rows, newest_ms = await read(database, _newest, trio.CapacityLimiter(1))
    except StoreUnavailable as error:
        if "upgrade to the current schema" in error.reason:
            found = f"{database} comes from an older version; serve makes a backup and upgrades it"
            return [Diagnostic("database", "note", found)], None
        hint = "until this is fixed, serve keeps results only in memory"
        return [Diagnostic("database", "problem", f"{database}: {error.reason}", hint)], None
    except Damaged as error:
        hint = "serve renames it and starts a new one; restore a backup to keep the history"
        return [Diagnostic("database", "problem", f"{database} is damaged: {error}", hint)], None
    newest = None if newest_ms is None else datetime.fromtimestamp(newest_ms / 1000.0, UTC)
    return [Diagnostic("database", "ok", f"{database} is in order; {rows:,} checks")], newest


def _newest(connection: Any) -> tuple[int, int | None]:
    found = connection.execute("SELECT count(*), max(checked_at_ms) FROM checks").fetchone()
    return int(found[0]), found[1]


def permissions(database: Path) -> Iterator[Diagnostic]:
    """Report each database file that other users of this machine can read."""
    for file in (database, *companions(database)):
        if file.is_file() and file.stat().st_mode & OTHERS:
            found = f"other users can read {file}"
            yield Diagnostic("permissions", "problem", found, f"chmod 600 {file}")


async def port(settings: ServerSettings) -> AsyncIterator[Diagnostic]:
    """Try to listen where the server would; report an unsafe bind or a port that is taken."""
    try:
        check_bind(settings)
    except UnsafeBindError as error:
        yield Diagnostic("port", "problem", str(error), f"export {settings.admin_token_env}=…")
    where = f"{settings.host}, port {settings.port}"
    try:
        async with open_listeners(settings.host, settings.port):
            yield Diagnostic("port", "ok", f"{where} is free")
    except CannotListenError as error:
        told, _, hint = str(error).partition(": ")
        health = await trio.to_thread.run_sync(_health_of_tracker, settings)
        if health is not None:
            yield Diagnostic("port", "ok", f"a tracker is already running on {where}")
            for problem in health.get("problems") or ():
                yield Diagnostic(
                    "tracker", "problem", str(problem), "reported by the running tracker"
                )
        else:
            yield Diagnostic("port", "problem", told, hint or "choose another with --port")


def _health_of_tracker(settings: ServerSettings) -> dict[str, Any] | None:
    """Ask only this machine. A server that wants another token is a tracker as well."""
    remote = TrackerClient(url_of(settings), settings.read_token)
    try:
        response = remote.send("GET", "/api/providers/health")
        if response.status_code == 401:
            return {} if REALM in response.headers.get("WWW-Authenticate", "") else None
        health = remote.decode_json(response)
    except UnreachableError:
        return None
    return health if isinstance(health, dict) and "providers_monitored" in health else None
