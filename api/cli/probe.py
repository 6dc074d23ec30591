"""``probe``: one check of each provider now, without server or database."""

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated

import attrs
import trio
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, ConfigFile, LogFormat, LogLevel, UnusedDatabase
from api.cli.tables import targets_table
from api.cli.terminal import show
from api.schemas import status as schemas
from api.schemas.convert import instant, view_provider
from tracker.config import read_config
from tracker.config.catalogue import load_catalogue
from tracker.core.clock import ClockReading
from tracker.core.provider_status import ProviderStatus
from tracker.core.redaction import Mask
from tracker.core.settings import Config, Provider
from tracker.health.provider_state import ProviderState
from tracker.models.aliases import split_target
from tracker.probes import open_check
from tracker.runtime.actor import CheckActor
from tracker.runtime.actor_context import ActorContext
from tracker.runtime.logs import configure_logs, mask_in_logs

Names = Annotated[
    str,
    Parameter(help="Providers, or offers as NAME/MODEL-ID; left out: all configured providers."),
]


@attrs.frozen
class Target:
    """What to check: a provider, or one of its models, by the id to send."""

    provider: Provider
    model: str | None = None


async def probe(
    *names: Names,
    config: ConfigFile = None,
    database: UnusedDatabase = None,  # noqa: ARG001 (common to all commands)
    json: AsJson = False,
    log_format: LogFormat = "text",
    log_level: LogLevel = "warning",
) -> int:
    """Check providers once, without server or database.

    Without names it checks all configured providers. The keyless G4F endpoints get a completion of
    one token. NAME/MODEL-ID requests a completion from that model, which may cost money. A
    provider that is switched off is checked only when named. Exits 0 when at least one is usable,
    1 when none is, 3 when none is configured.
    """
    configure_logs(log_format, log_level)
    settings = read_config(config)
    mask_in_logs(Mask(settings.secrets()))
    if not (settings.providers and (chosen := _choose_targets(settings, names))):
        print("no provider is configured: see `provider-status providers`", file=sys.stderr)  # noqa: T201
        return ExitCode.NOTHING_CONFIGURED
    views = await _check_all(_providers(chosen))
    at = instant(ActorContext(open_check=open_check).clock.now())
    found = {name: view_provider(view) for name, view in views.items()}
    rows = [_row(target, found[target.provider.name]) for target in chosen]
    show({"timestamp": at, "providers": found}, targets_table(rows), as_json=json)
    return ExitCode.OK if any(one.usable for _, one in rows) else ExitCode.NOTHING_USABLE


def _choose_targets(settings: Config, names: tuple[str, ...]) -> list[Target]:
    known = {provider.name: provider for provider in settings.providers}
    if not names:
        return [Target(provider) for provider in settings.providers if provider.enabled]
    targets = {name: _target(known, name) for name in names}
    if unknown := [name for name, target in targets.items() if target is None]:
        listed = ", ".join(known) or "none"
        hints = "".join(map(_hint, unknown))
        raise UsageError(f"not configured: {', '.join(unknown)} (configured: {listed}){hints}")
    return [target for target in targets.values() if target is not None]


def _hint(name: str) -> str:
    """Return what would enable a provider of the catalogue."""
    if (entry := load_catalogue().get(name)) is None:
        return ""
    key = entry.keys[:1] if entry.needs_key else ()
    wanted = " and ".join((*key, *entry.required.values()) or (entry.base_variable,))
    return f"\n{name}: set {wanted}, in the environment or in .env"


def _target(known: Mapping[str, Provider], name: str) -> Target | None:
    """Read NAME or NAME/MODEL-ID; a model's id may hold more slashes."""
    provider, model = known.get(name), None
    if provider is None and (parts := split_target(name)) is not None:
        provider, model = known.get(parts[0]), parts[1]
    return None if provider is None else Target(attrs.evolve(provider, enabled=True), model)


def _providers(targets: Iterable[Target]) -> list[Provider]:
    """Return each provider once, with the models of it that were named, and no others."""
    models: dict[str, tuple[str, ...]] = {}
    providers: dict[str, Provider] = {}
    for target in targets:
        name = target.provider.name
        providers[name] = target.provider
        models[name] = (*models.get(name, ()), *([] if target.model is None else [target.model]))
    return [attrs.evolve(one, models=models[name]) for name, one in providers.items()]


def _row(target: Target, found: schemas.Provider) -> tuple[str, schemas.Provider | schemas.Offer]:
    offer = next((one for one in found.offers if one.model == target.model), None)
    return (
        (found.provider_name, found)
        if offer is None
        else (
            f"{found.provider_name}/{offer.model}",
            offer,
        )
    )


async def _check_all(providers: list[Provider]) -> dict[str, ProviderStatus]:
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
    return {provider.name: views[provider.name] for provider in providers}


async def _check(provider: Provider, shared: ActorContext) -> ProviderStatus:
    """Judge a first check as the tracker does; an offer is usable only if its provider is."""
    actor, state = CheckActor(provider, shared), ProviderState(provider)
    async with shared.open_check(provider) as check:
        for model in (None, *provider.models):
            await shared.pacer.turn()
            result = await actor.probe(check, model)
            now = ClockReading(shared.clock.now(), shared.clock.steady())
            state.record_check(result, None, now)
    return state.refresh(ClockReading(shared.clock.now(), shared.clock.steady()))
