"""Merges the catalogue, the environment and [providers.*] into what is watched."""

import re
import ssl
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs

from tracker.addresses import url_problem
from tracker.catalogue import Dialect, Entry, load_catalogue, load_dialects
from tracker.config_errors import Mistake, dotted, looks_secret, shown
from tracker.config_tables import ConfigTable, ProviderTable, TimingTable
from tracker.config_timing import merge_timing
from tracker.discovery import Found, Keys, find, find_keys, make_provider
from tracker.settings import Provider

NAME_LENGTH = 100


@attrs.frozen(kw_only=True)
class Merged:
    """One provider, or why there is none, and what its owner should know."""

    provider: Provider | None = None
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[str, ...] = ()


def merge_providers(table: ConfigTable, environ: Mapping[str, str]) -> tuple[Merged, ...]:
    """The catalogue's providers in its order, then the file's own in theirs."""
    catalogue = load_catalogue()
    merged = []
    for name, entry in catalogue.items():
        if name in table.providers:
            merged.append(_known(entry, table.providers[name], table.tracker, environ))
        elif table.tracker.discover is not False:
            merged.append(_discovered(find(entry, environ), table.tracker))
    own = ((name, t) for name, t in table.providers.items() if name not in catalogue)
    return (*merged, *(_own(name, t, table.tracker, environ) for name, t in own))


def _discovered(found: Found, general: TimingTable) -> Merged:
    if found.provider is None:
        return Merged(mistakes=found.mistakes)
    timing, _ = merge_timing(found.entry.timing, general, TimingTable(), ())
    return Merged(provider=attrs.evolve(found.provider, timing=timing))
