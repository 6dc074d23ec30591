"""``probe``: one check of each provider now, without server or database."""

import sys
from typing import Annotated

import attrs
import trio
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, ConfigFile, LogFormat, LogLevel, UnusedDatabase
from api.cli.tables import providers_table
from api.cli.terminal import show
from api.schemas.convert import instant, view_provider
from tracker.config import read_config
from tracker.core.clock import ClockReading
from tracker.core.redaction import Mask
from tracker.core.settings import Config, Provider
from tracker.core.snapshot import ProviderStatus
from tracker.health.provider_state import ProviderState
from tracker.probes import open_check
from tracker.runtime.actor import ActorContext, CheckActor
from tracker.runtime.logs import configure_logs, mask_in_logs

Names = Annotated[str, Parameter(help="Providers to check; all that are configured if none.")]


async def probe(
    *names: Names,
    config: ConfigFile = None,
    database: UnusedDatabase = None,  # noqa: ARG001 (common to all commands)
    json: AsJson = False,
    log_format: LogFormat = "text",
    log_level: LogLevel = "warning",
) -> int:
    """Check providers once, without server or database.

    All that are configured where none is named; those of G4F that need no key are asked for a
    completion of one token. One that is switched off is checked when it is named. Exits 0 when at
    least one is usable, 1 when none is, 3 when none is configured.
    """
    configure_logs(log_format, log_level)
    settings = read_config(config)
    mask_in_logs(Mask(settings.secrets()))
    if not (settings.providers and (chosen := _chosen(settings, names))):
        print("no provider is configured: see `provider-status providers`", file=sys.stderr)  # noqa: T201
        return ExitCode.NOTHING_CONFIGURED
    views = await _check_all(chosen)
    at = instant(ActorContext(open_check=open_check).clock.now())
    found = {view.name: view_provider(view) for view in views}
    show({"timestamp": at, "providers": found}, providers_table(found.values()), as_json=json)
    return ExitCode.OK if any(view.usable for view in views) else ExitCode.NOTHING_USABLE


def _chosen(settings: Config, names: tuple[str, ...]) -> list[Provider]:
    known = {provider.name: provider for provider in settings.providers}
    if unknown := [name for name in names if name not in known]:
        listed = ", ".join(known) or "none"
        raise UsageError(f"not configured: {', '.join(unknown)} (configured: {listed})")
    if not names:
        return [provider for provider in settings.providers if provider.enabled]
    named = (provider for provider in settings.providers if provider.name in names)
    return [attrs.evolve(provider, enabled=True) for provider in named]


async def _check_all(providers: list[Provider]) -> list[ProviderStatus]:
    shared = ActorContext(open_check=open_check)
    views: dict[str, ProviderStatus] = {}
    bare = not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=bare) as progress:
        bar = progress.add_task("checking", total=len(providers))

        async def check_one(provider: Provider) -> None:
            views[provider.name] = await _check(provider, shared)
            progress.advance(bar)

        async with trio.open_nursery() as canary:
            canary.start_soon(shared.canary.run)
            async with trio.open_nursery() as nursery:
                for provider in providers:
                    nursery.start_soon(check_one, provider)
            canary.cancel_scope.cancel()
    return [views[provider.name] for provider in providers]


async def _check(provider: Provider, shared: ActorContext) -> ProviderStatus:
    """Judged as the tracker judges a first check."""
    actor, state = CheckActor(provider, shared), ProviderState(provider)
    async with shared.open_check(provider) as check:
        await shared.pacer.turn()
        result = await actor.probe(check)
    now = ClockReading(shared.clock.now(), shared.clock.steady())
    state.record_check(result, None, now)
    return state.refresh(now)
