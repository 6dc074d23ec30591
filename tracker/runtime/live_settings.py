"""The configuration in force: that of the file, with the operators' overrides."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from tracker.config.overrides import (
    UNSET,
    Setting,
    Unset,
    apply_override,
    apply_valid_override,
    effective_config,
    is_empty,
    update_override,
)
from tracker.core.records import OverrideRecord
from tracker.core.settings import Config, Provider


@attrs.define(eq=False)
class LiveSettings:
    """The file's configuration and the overrides.

    stored_known: whether the stored overrides have been read. Changes made before that are kept
    apart and merged later, because they may concern only one of a provider's two settings.
    """

    _file: Config
    stored_known: bool = False
    _overrides: dict[str, OverrideRecord] = attrs.field(factory=dict)
    _early: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    _effective: Config | None = None

    @property
    def file(self) -> Config:
        """Return the settings as the file has them, without overrides."""
        return self._file

    @property
    def effective(self) -> Config:
        """Return the file with the operators' overrides over it."""
        if self._effective is None:
            self._effective = effective_config(self._file, self._overrides)
        return self._effective

    @property
    def overrides(self) -> Mapping[str, OverrideRecord]:
        """Return a copy of what was changed at run time, by provider name."""
        return dict(self._overrides)

    def is_overridden(self, provider: Provider) -> bool:
        """Return whether the provider's interval was tuned at run time."""
        override = self._overrides.get(provider.name)
        return (
            override is not None and override.interval_seconds == provider.timing.interval_seconds
        )

    def replace_file(self, config: Config) -> None:
        """Take a new configuration from the file; the overrides stay over it."""
        self._file, self._effective = config, None

    def tune(
        self,
        name: str,
        *,
        interval_seconds: float | None | Setting = UNSET,
        enabled: bool | None | Setting = UNSET,
    ) -> tuple[Provider, OverrideRecord]:
        """Take an operator's change; return the provider as it is now and the record to store.

        Raises KeyError for an unknown name, ValueError for an impossible value.
        """
        change: dict[str, Any] = {"interval_seconds": interval_seconds, "enabled": enabled}
        override = update_override(name, self._overrides.get(name), **change)
        apply = apply_valid_override if isinstance(interval_seconds, Unset) else apply_override
        provider = apply(self._file.provider(name), override)
        self._keep(override)
        if not self.stored_known:
            given = {what: value for what, value in change.items() if value is not UNSET}
            self._early.setdefault(name, {}).update(given)
        return provider, override

    def merge_stored(self, stored: Mapping[str, OverrideRecord]) -> Iterator[OverrideRecord]:
        """Take what earlier runs stored; yield the merged records that must be stored now."""
        for override in stored.values():
            self._keep(override)
        for name, given in self._early.items():
            override = update_override(name, stored.get(name), **given)
            self._keep(override)
            yield override
        self._early.clear()
        self.stored_known = True

    def _keep(self, override: OverrideRecord) -> None:
        self._effective = None
        if is_empty(override):
            self._overrides.pop(override.provider, None)
        else:
            self._overrides[override.provider] = override
