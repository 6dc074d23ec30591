"""Models with an announced switch-off date, and when to send a message about it. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date

import attrs

# A month to choose another model, and a reminder a week before.
TOLD_DAYS_AHEAD = (30, 7)
KEPT = 500  # notices remembered per provider: beyond that a notice is repeated, not lost


@attrs.frozen
class Retirement:
    """A model that is switched off on ``on``, and in how many days that is."""

    model: str
    on: date
    days: int


@attrs.frozen
class RetirementNotices:
    """Notices already sent. told: by "model date", how many days ahead the last notice came."""

    told: Mapping[str, int] = attrs.field(factory=dict)

    def due(self, dates: Mapping[str, date], today: date) -> tuple[Retirement, ...]:
        """Return the notices due today: each once a month ahead, and once a week ahead."""
        return tuple(self._due(dates, today))

    def after(self, due: tuple[Retirement, ...]) -> "RetirementNotices":
        """Return the notices with these told."""
        told = {**self.told, **{_key(one.model, one.on): one.days for one in due}}
        return RetirementNotices(dict(list(told.items())[-KEPT:]))

    def _due(self, dates: Mapping[str, date], today: date) -> Iterator[Retirement]:
        for model, on in dates.items():
            days = (on - today).days
            passed = [ahead for ahead in TOLD_DAYS_AHEAD if days <= ahead]
            if days < 0 or not passed:
                continue
            last = self.told.get(_key(model, on))
            if last is None or last > min(passed):
                yield Retirement(model, on, days)


def _key(model: str, on: date) -> str:
    return f"{model} {on.isoformat()}"
