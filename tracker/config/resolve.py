"""Merging the catalogue, the environment and [providers.*] into the providers to watch."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import attrs

from tracker.config.catalogue import ApiKind, CatalogueEntry, load_catalogue, load_dialects
from tracker.config.checks import check_name, check_settings, one_of
from tracker.config.environment import (
    DiscoveredProvider,
    check_moved,
    check_options,
    find,
    find_keys,
    make_provider,
    missing_variables,
    other_variables,
    secret_options,
)
from tracker.config.errors import ConfigProblem, format_key_path
from tracker.config.schema import ConfigTable, ProviderTable, TimingTable
from tracker.config.timing import merge_timing
from tracker.core.settings import Provider, Timing


@attrs.frozen(kw_only=True)
class ResolvedProvider:
    """One provider, or why it is not watched, and warnings for its owner.

    variables: those that are set and used. missing: those that would enable it, or give it a key.
    """

    name: str
    provider: Provider | None = None
    variables: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    mistakes: tuple[ConfigProblem, ...] = ()
    warnings: tuple[str, ...] = ()


def merge_providers(table: ConfigTable, environ: Mapping[str, str]) -> tuple[ResolvedProvider, ...]:
    """Return the catalogue's providers in its order, then the file's own in theirs."""
    catalogue = load_catalogue()
    merged = []
    for name, entry in catalogue.items():
        if name in table.providers:
            merged.append(_resolve_known(entry, table.providers[name], table.tracker, environ))
        elif table.tracker.discover is not False:
            merged.append(_resolve_discovered(find(entry, environ), table.tracker))
    own = ((name, t) for name, t in table.providers.items() if name not in catalogue)
    return (*merged, *(_own(name, t, table.tracker, environ) for name, t in own))


def _resolve_discovered(found: DiscoveredProvider, general: TimingTable) -> ResolvedProvider:
    merged = ResolvedProvider(
        name=found.entry.name,
        variables=found.variables,
        missing=found.missing,
        mistakes=found.mistakes,
    )
    if found.provider is None:
        return merged
    # a mistake in [tracker] is reported only once
    timing, _ = merge_timing(found.entry.timing, general)
    return attrs.evolve(merged, provider=attrs.evolve(found.provider, timing=timing))


def _resolve_known(
    entry: CatalogueEntry, own: ProviderTable, general: TimingTable, environ: Mapping[str, str]
) -> ResolvedProvider:
    """Return a catalogue entry with what the file says about it; the environment's base URL wins.

    Without its key it is not watched, and a warning says so: a file that tunes a provider may be
    shared by machines that do not all have the key.
    """
    entry = _as_written(entry, own)
    keys = find_keys(entry.keys, environ)
    moved = environ.get(entry.base_variable) or own.base_url
    provider = make_provider(entry, environ, keys=keys, base_url=moved)
    url_key = entry.base_variable if entry.base_variable in environ else None
    merged = _finish(provider, own, general, entry.timing, url_key)
    # On the user's own server it may need no key.
    has_key = bool(keys.names or keys.mistakes) or moved is not None
    missing = missing_variables(entry, environ, has_key=has_key, base_url=moved)
    lacking = () if own.enabled is False else missing
    return ResolvedProvider(
        name=entry.name,
        provider=None if lacking else merged.provider,
        variables=(*keys.names, *other_variables(entry, environ)),
        missing=missing,
        mistakes=(*keys.mistakes, *check_options(entry, environ), *merged.mistakes),
        warnings=(
            *(f"{entry.name} is not watched: {variable} is not set" for variable in lacking),
            *_warn_of_overruled(entry, own, environ),
        ),
    )


def _as_written(entry: CatalogueEntry, own: ProviderTable) -> CatalogueEntry:
    """Return the entry with the file's options and key variable in place of its own."""
    options = own.options or {}
    return attrs.evolve(
        entry,
        keys=(own.api_key_env,) if own.api_key_env else entry.keys,
        options={**entry.options, **options},
        required={k: v for k, v in entry.required.items() if k not in options},
        optional={k: v for k, v in entry.optional.items() if k not in options},
    )


def _warn_of_overruled(
    entry: CatalogueEntry, own: ProviderTable, environ: Mapping[str, str]
) -> tuple[str, ...]:
    if own.base_url is None or entry.base_variable not in environ:
        return ()
    return (f"{entry.base_variable} overrides base_url of [providers.{entry.name}]",)


def _own(
    name: str, own: ProviderTable, general: TimingTable, environ: Mapping[str, str]
) -> ResolvedProvider:
    """Return a provider that the catalogue does not know; its key is optional."""
    misnamed = tuple(check_name(name))
    unknown = tuple(_check_origin(name, own))
    if unknown or not name:  # nothing more to check
        return ResolvedProvider(name=name, mistakes=(*misnamed, *unknown))
    dialect = _dialect(own.kind or "", own)
    keys = find_keys([own.api_key_env] if own.api_key_env else (), environ)
    provider = Provider(
        name=name,
        kind=dialect.name,
        base_url=(own.base_url or "").rstrip("/"),
        moved=True,  # so that its key is sent nowhere else
        keys=keys.secrets,
        key_names=keys.names,
        check=dialect.checks[0],
        options={**dialect.options, **secret_options(dialect.name, environ)},
    )
    merged = _finish(provider, own, general, dialect.timing)
    given = keys.names or keys.mistakes
    unset = (own.api_key_env,) if own.api_key_env and not given else ()
    return attrs.evolve(
        merged,
        provider=None if misnamed else merged.provider,
        variables=keys.names,
        missing=unset,
        mistakes=(*misnamed, *keys.mistakes, *merged.mistakes),
        warnings=tuple(f"{key} is not set: {name} is checked without a key" for key in unset),
    )


def _check_origin(name: str, own: ProviderTable) -> Iterator[ConfigProblem]:
    if lacking := [key for key in ("kind", "base_url") if not getattr(own, key)]:
        close = get_close_matches(name, load_catalogue(), n=1)
        yield ConfigProblem(
            key=format_key_path(("providers", name)),
            problem=f"it is not in the catalogue, so it needs {' and '.join(lacking)}",
            nearest=close[0] if close else None,
        )


def _finish(
    provider: Provider,
    own: ProviderTable,
    general: TimingTable,
    preset: Mapping[str, Any],
    url_key: str | None = None,
) -> ResolvedProvider:
    """Return the provider with the settings of its own table.

    url_key: the variable that set its base URL; None where the table did.
    """
    path = ("providers", provider.name)
    dialect = _dialect(own.kind or provider.kind, own)
    timing, too_long = merge_timing(preset, general, own, path)
    provider = _with_settings(provider, own, dialect, timing)
    timed = own.interval_seconds is not None or own.timeout_seconds is not None
    mistakes = (
        *_check_kind((*path, "kind"), dialect.name),
        *(too_long if timed else ()),
        *check_moved(provider, url_key or (*path, "base_url")),
        *check_settings(provider, own, dialect),
    )
    return ResolvedProvider(
        name=provider.name, provider=None if mistakes else provider, mistakes=mistakes
    )


def _dialect(kind: str, own: ProviderTable) -> ApiKind:
    """Return the kind.

    A stand-in for an unknown one, so that the other settings are checked too.
    """
    return load_dialects().get(kind) or ApiKind(name=kind, checks=(own.check or "models",))


def _check_kind(path: tuple[str, ...], kind: str) -> Iterator[ConfigProblem]:
    if kind not in load_dialects():
        yield one_of(path, kind, load_dialects())


def _with_settings(
    provider: Provider, own: ProviderTable, dialect: ApiKind, timing: Timing
) -> Provider:
    same_kind = dialect.name == provider.kind
    options = provider.options if same_kind else dialect.options
    default = provider.check if same_kind else dialect.checks[0]
    return attrs.evolve(
        provider,
        timing=timing,
        kind=dialect.name,
        check=own.check or default,
        model=own.model or provider.model,
        models=tuple(dict.fromkeys(own.models or provider.models)),
        model_interval_seconds=own.model_interval_seconds,
        enabled=own.enabled is not False,
        alerts=own.alerts is not False,
        allow_private=own.allow_private is True,
        proxy=own.proxy,
        ca_file=own.ca_file,
        options={**options, **(own.options or {})},
    )
