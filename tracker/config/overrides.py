"""Applying what an operator changed at run time to the configuration."""

from collections.abc import Mapping
from enum import Enum
from typing import Literal

import attrs

from tracker.core.records import OverrideRecord
from tracker.core.settings import Config, Provider


class Unset(Enum):
    """Marks a field that was not given; null, in contrast, returns to the file's value."""

    UNSET = "unset"


UNSET = Unset.UNSET
Setting = Literal[Unset.UNSET]


def update_override(
    name: str,
    present: OverrideRecord | None,
    *,
    interval_seconds: float | None | Setting = UNSET,
    enabled: bool | None | Setting = UNSET,
) -> OverrideRecord:
    """Return the override after an operator's word; what was not mentioned stays."""
    before = present or OverrideRecord(provider=name, interval_seconds=None, enabled=None)
    return OverrideRecord(
        provider=name,
        interval_seconds=(
            before.interval_seconds if isinstance(interval_seconds, Unset) else interval_seconds
        ),
        enabled=before.enabled if isinstance(enabled, Unset) else enabled,
    )


def apply_override(provider: Provider, override: OverrideRecord | None) -> Provider:
    """Return the provider as changed. Raises ValueError for an interval that cannot be."""
    if override is None:
        return provider
    timing, enabled = provider.timing, provider.enabled
    if override.interval_seconds is not None:
        if override.interval_seconds < timing.timeout_seconds:
            least = f"{timing.timeout_seconds:g} s, its time-out"
            raise ValueError(f"the interval of {provider.name} must be at least {least}")
        timing = attrs.evolve(timing, interval_seconds=override.interval_seconds)
    if override.enabled is not None:
        enabled = override.enabled
    return attrs.evolve(provider, timing=timing, enabled=enabled)


def effective_config(config: Config, overrides: Mapping[str, OverrideRecord]) -> Config:
    """Return the configuration as it is in force. An interval that no longer fits is left out."""
    providers = tuple(apply_valid_override(p, overrides.get(p.name)) for p in config.providers)
    return attrs.evolve(config, providers=providers)


def apply_valid_override(provider: Provider, override: OverrideRecord | None) -> Provider:
    """Apply all but an interval that the file's settings have since made impossible."""
    try:
        return apply_override(provider, override)
    except ValueError:
        assert override is not None
        return apply_override(provider, attrs.evolve(override, interval_seconds=None))


def is_empty(override: OverrideRecord) -> bool:
    """Return whether an override changes nothing, so that it need not be kept."""
    return override.interval_seconds is None and override.enabled is None
