"""Changes of the settings while the tracker runs: by operators, or by a new file."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import attrs
import structlog
import trio

from tracker.config.overrides import UNSET, Setting
from tracker.core.settings import Config, Provider
from tracker.core.slices import Turn
from tracker.ranking.offer_ranking import Rank
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.live_settings import LiveSettings
from tracker.runtime.mailbox import Mailbox
from tracker.runtime.masks import extend_mask
from tracker.runtime.messages import ProviderAdded, ProviderRemoved, SettingsChanged
from tracker.runtime.model_directory import ModelDirectory
from tracker.runtime.supervisor import Supervisor
from tracker.store.writer import Writer

log = structlog.get_logger()


@attrs.define(eq=False, kw_only=True)
class SettingsChanges:
    """Makes one change at a time: the aggregator receives it before the actors apply it."""

    settings: LiveSettings
    mailbox: Mailbox
    aggregator: Aggregator
    supervisor: Supervisor
    writer: Writer
    models: ModelDirectory
    _changing: trio.Lock = attrs.field(factory=trio.Lock)

    async def tune(
        self,
        name: str,
        *,
        interval_seconds: float | None | Setting = UNSET,
        enabled: bool | None | Setting = UNSET,
    ) -> Provider:
        """Change a provider, and keep that. Raises KeyError, ValueError, StoppedError."""
        async with self._one_at_a_time():
            provider, override = self.settings.tune(
                name, interval_seconds=interval_seconds, enabled=enabled
            )
            if self.settings.stored_known:
                self.aggregator.backlog.append(override)
            log.info(
                "tuned", provider=name, interval=override.interval_seconds, on=override.enabled
            )
            await self.watch(provider, restart=True)
        return provider

    async def reload(self, config: Config, rank: Rank) -> None:
        """Take a new configuration: only actors of providers that changed notice.

        Raises StoppedError.
        """
        async with self._one_at_a_time():
            before = {provider.name: provider for provider in self.settings.effective.providers}
            self.settings.replace_file(config)
            await self._change_common(config, rank)
            after = {provider.name: provider for provider in self.settings.effective.providers}
            for name in before.keys() - after.keys():
                await self.supervisor.stop(name)
                await self.mailbox.send(ProviderRemoved(name=name))
            turn = Turn()
            for name, provider in after.items():
                if before.get(name) != provider:
                    await self.watch(provider, restart=True)
                await turn.end_if_long()  # comparing thousands takes long, too

    async def watch(self, provider: Provider, *, restart: bool = False) -> None:
        """Tell the aggregator of a provider as it is now; restart: and its actor."""
        overridden = self.settings.is_overridden(provider)
        await self.mailbox.send(ProviderAdded(provider=provider, overridden=overridden))
        if restart:
            await self.supervisor.replace(provider)

    async def watch_all(self, names: Collection[str] | None = None) -> None:
        """Tell the aggregator of every provider; or of those named, and their actors as well."""
        for provider in self.settings.effective.providers:
            if names is None:
                await self.watch(provider)
            elif provider.name in names:
                await self.watch(provider, restart=True)

    def alone(self) -> trio.Lock:
        """Return the lock under which a change is made."""
        return self._changing

    @asynccontextmanager
    async def _one_at_a_time(self) -> AsyncIterator[None]:
        """Wait for the change in progress. Raises StoppedError."""
        async with self._changing:
            with self.mailbox.unless_stopped():
                yield

    async def _change_common(self, config: Config, rank: Rank) -> None:
        """Wait until the aggregator masks the new secrets: the actors that use them start next."""
        mask = await extend_mask(self.aggregator.mask, config.secrets())
        changed = SettingsChanged(rank=rank, mask=mask, done=trio.Event())
        await self.mailbox.send(changed)
        await changed.done.wait()
        self.writer.retention_days = config.retention_days
        self.supervisor.change_budget(config.completions_per_day)
        self.models.set_aliases(config.model_aliases)
