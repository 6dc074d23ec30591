"""Recording changes, in the log and in the store."""

from datetime import datetime
from heapq import nsmallest

import attrs
import structlog

from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranking
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.models.retirements import Retirement
from tracker.store.backlog import Backlog

log = structlog.get_logger()

NAMES = 50  # models recorded one by one per check


@attrs.frozen
class ChangeLog:
    """Records changes; like results, they go through the backlog into the store."""

    _backlog: Backlog

    def status(self, before: ProviderStatus | None, after: ProviderStatus, at: datetime) -> None:
        """Log and keep a change of status; nothing where it is the same."""
        if before is None or before.status is after.status:
            return
        log.info(
            "status changed",
            provider=after.name,
            before=before.status.value,
            after=after.status.value,
            reason=after.reason,
        )
        self._note(
            ChangeKind.STATUS, at, after.name, before.status, after.status, reason=after.reason
        )

    def offers(self, before: ProviderStatus | None, after: ProviderStatus, at: datetime) -> None:
        """Note each watched offer whose status changed, as "provider/model"."""
        known = {} if before is None else {offer.model: offer for offer in before.offers}
        for offer in after.offers:
            earlier = known.get(offer.model)
            if earlier is None or earlier is offer or earlier.status is offer.status:
                continue
            name = f"{after.name}/{offer.model}"
            log.info(
                "offer changed",
                offer=name,
                before=earlier.status.value,
                after=offer.status.value,
                reason=offer.reason,
            )
            self._note(
                ChangeKind.OFFER, at, name, earlier.status, offer.status, reason=offer.reason
            )

    def best(self, before: str | None, ranking: Ranking, at: datetime) -> None:
        """Log and keep a change of the best provider; nothing where it is the same."""
        if ranking.best == before:
            return
        log.info("best changed", before=before, after=ranking.best, reason=ranking.reason)
        self._note(ChangeKind.BEST, at, None, before, ranking.best, reason=ranking.reason)

    def models(
        self,
        provider: str,
        before: tuple[str, ...] | None,
        after: tuple[str, ...] | None,
        at: datetime,
    ) -> None:
        """Record at most NAMES of them: a new or hostile list must not fill log and disk."""
        if before is None or after is None or before == after:
            return
        gone, came = set(before) - set(after), set(after) - set(before)
        lost = nsmallest(NAMES, gone)  # sorting twenty thousand would hold the event loop
        won = nsmallest(NAMES - len(lost), came)
        for model in lost:
            log.info("model removed", provider=provider, model=model)
            self._note(
                ChangeKind.MODEL,
                at,
                provider,
                model,
                None,
                reason="the provider's model list no longer has it",
            )
        for model in won:
            log.info("model added", provider=provider, model=model)
            self._note(
                ChangeKind.MODEL,
                at,
                provider,
                None,
                model,
                reason="it is new in the provider's model list",
            )
        self._more_models(provider, len(gone) - len(lost), len(came) - len(won), at)

    def retirement(self, provider: str, retirement: Retirement, at: datetime) -> None:
        """Tell ahead that a model will be switched off; what it is before and after stays."""
        model, on = retirement.model, retirement.on.isoformat()
        log.warning(
            "model will be switched off",
            provider=provider,
            model=model,
            on=on,
            days=retirement.days,
        )
        reason = f"it will be switched off on {on}, in {retirement.days} days"
        self._note(ChangeKind.MODEL, at, provider, model, model, reason=reason)

    def _more_models(self, provider: str, gone: int, came: int, at: datetime) -> None:
        if not gone and not came:
            return
        log.info("more models added or removed", provider=provider, removed=gone, added=came)
        before, after = (f"and {more:,} more" if more else None for more in (gone, came))
        reason = "too many changes to record each model"
        self._note(ChangeKind.MODEL, at, provider, before, after, reason=reason)

    def _note(
        self,
        kind: ChangeKind,
        at: datetime,
        provider: str | None,
        before: str | None,
        after: str | None,
        *,
        reason: str,
    ) -> None:
        self._backlog.append(
            ChangeRecord(
                kind=kind, at=at, provider=provider, before=before, after=after, reason=reason
            )
        )
