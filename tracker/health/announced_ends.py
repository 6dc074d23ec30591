"""When models of a provider end: as the catalogue says, and as its own list does. Pure."""

from collections.abc import Collection, Mapping
from datetime import date
from types import MappingProxyType

import attrs

from tracker.core.outcomes import CheckResult
from tracker.models.retirements import Retirement, RetirementNotices

NONE: Mapping[str, date] = MappingProxyType({})


@attrs.frozen
class AnnouncedEnds:
    """Models with an announced end. dates: of both, the provider's list before the catalogue."""

    catalogue: Mapping[str, date] = NONE
    listed: Mapping[str, date] = NONE
    dates: Mapping[str, date] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "dates", {**self.catalogue, **self.listed})

    def after(self, result: CheckResult) -> "AnnouncedEnds":
        """Return the ends after one more check: a list of models replaces the one before."""
        told = dict(result.retiring)
        if told == self.listed or not (told or result.models):
            return self
        return AnnouncedEnds(self.catalogue, told)

    def due(
        self, notices: RetirementNotices, served: Collection[str], today: date
    ) -> tuple[Retirement, ...]:
        """Return the notices due today. served: models listed by the provider, or watched there."""
        if not self.dates:
            return ()
        return notices.due(
            {model: on for model, on in self.dates.items() if model in served}, today
        )
