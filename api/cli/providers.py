"""``providers``: which providers are configured, and which variables enable the others."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter
from rich.console import Group
from rich.text import Text

from api.cli.errors import ExitCode
from api.cli.keyless import LEAVE_OUT, keyless_completions
from api.cli.options import AsJson, ConfigFile, UnusedDatabase
from api.cli.sheet import Sheet, table
from api.cli.terminal import show
from tracker.config import DOTENV, read_config
from tracker.config.catalogue import CatalogueEntry, load_catalogue
from tracker.config.environment import find, read_environment
from tracker.config.file import read_toml
from tracker.config.resolve import ResolvedProvider, merge_providers
from tracker.config.show import mask_keys
from tracker.config.structure import structure
from tracker.core.redaction import Mask
from tracker.core.settings import Config

Quiet = Annotated[
    bool,
    Parameter(
        name=["--quiet", "-q"], negative=(), help="Print only the names of configured providers."
    ),
]
YES, OFF, NO = Text("● yes", "green"), Text("○ off", "bright_black"), Text("○ no", "bright_black")


@attrs.frozen
class ProviderRow:
    """entry: None if it is not in the catalogue. to_enable: what to set, variables or settings."""

    one: ResolvedProvider
    entry: CatalogueEntry | None
    to_enable: tuple[str, ...]


def providers(
    *,
    config: ConfigFile = None,
    database: UnusedDatabase = None,  # noqa: ARG001 (common to all commands)
    quiet: Quiet = False,
    json: AsJson = False,
) -> int:
    """List known providers: which are configured, how to enable the others.

    Includes the providers of tracker.toml. --quiet prints only the names of configured ones. It
    does not show changes made with `tune`; `status` and `config show` do.
    """
    settings = read_config(config)
    environment = read_environment(os.environ, DOTENV)
    lines = [*_lines(settings, environment.variables)]
    mask = Mask(settings.secrets())
    document = {"providers": {line.one.name: _describe(line) for line in lines}}
    if quiet and not json:
        for provider in settings.providers:
            print(mask_keys(provider.name, mask))  # noqa: T201
        return ExitCode.OK
    told = Group(_table(lines, mask), *_note(settings))
    show(mask_keys(document, mask), told, as_json=json)
    return ExitCode.OK


def _lines(settings: Config, environ: Mapping[str, str]) -> Iterator[ProviderRow]:
    """Yield the whole catalogue, then the file's own. The file is known to have no mistake."""
    source = settings.source
    tables, _ = structure({} if source is None else read_toml(Path(source)))
    merged = {one.name: one for one in merge_providers(tables, environ)}
    for name, entry in load_catalogue().items():
        if name in merged:
            yield _line(merged.pop(name), entry)
        else:  # discovery is off, so variables alone do not enable it
            found = find(entry, environ)
            one = ResolvedProvider(name=name, variables=found.variables, missing=found.missing)
            yield ProviderRow(one, entry, (*found.missing, f"[providers.{name}]"))
    for own in merged.values():
        yield _line(own, None)


def _line(one: ResolvedProvider, entry: CatalogueEntry | None) -> ProviderRow:
    off = one.provider is not None and not one.provider.enabled
    return ProviderRow(one, entry, (*one.missing, "enabled = true") if off else one.missing)


def _describe(line: ProviderRow) -> dict[str, Any]:
    one, provider = line.one, line.one.provider
    return {
        "configured": provider is not None,
        "enabled": provider is not None and provider.enabled,
        "variables": list(one.variables),
        "missing": list(one.missing),
        "to_enable": list(line.to_enable),
        "base_url": provider.base_url if provider else line.entry and line.entry.base_url,
    }


def _by(line: ProviderRow) -> Iterator[str]:
    """Return what configures it; its address where that is from the file."""
    one, provider = line.one, line.one.provider
    yield from one.variables
    if provider is None:
        return
    if not one.variables and provider.enabled:
        yield "checked without a key" if one.missing else "needs no key"
    if provider.moved and not (line.entry and line.entry.base_variable in one.variables):
        yield f"at {provider.base_url}"


def _note(settings: Config) -> Iterator[Text]:
    if asked := ", ".join(keyless_completions(settings.providers)):
        told = "each check requests a completion of one token, without a key"
        yield Text(f"\n{asked}: {told}; {LEAVE_OUT}.")


def _table(lines: Iterable[ProviderRow], mask: Mask) -> Sheet:
    shown = table("provider", "configured", "set by", "to enable it, set")
    for line in lines:
        provider = line.one.provider
        state = NO if provider is None else YES if provider.enabled else OFF
        by, to_enable = ", ".join(_by(line)), ", ".join(line.to_enable)
        shown.add_row(mask_keys(line.one.name, mask), state, mask_keys(by, mask), to_enable)
    return shown
