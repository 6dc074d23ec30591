"""Oracles of what the database file says, for a tracker that starts on it."""

from collections import Counter
from datetime import date, datetime

import attrs

from tracker.core.settings import Provider, Timing
from tracker.testing.check_accounting import CheckAccounting, Target
from tracker.testing.oracle import Oracle, remembered


def oracle_from_file(
    ledger: CheckAccounting, provider: Provider, now: float, wall: datetime
) -> Oracle:
    """Return what the file says about a provider and its offers. now: steady seconds."""

    def recall(target: Target, timing: Timing) -> Oracle:
        return Oracle(
            timing,
            life=remembered(ledger.life(target), now, wall),
            checks=[entry.seen for entry in ledger.stored[target]],
        )

    models = {*provider.models, *ledger.models(provider.name)}
    oracle = recall((provider.name, None), provider.timing)
    oracle.offers = {
        model: recall((provider.name, model), provider.model_timing) for model in models
    }
    return oracle


def unchecked_oracle(provider: Provider) -> Oracle:
    """Return the state of a provider without any known check."""
    offers = {model: Oracle(provider.model_timing) for model in provider.models}
    return Oracle(provider.timing, offers=offers)


def with_timing(oracle: Oracle, provider: Provider) -> Oracle:
    """Return the same with the provider's present timing, its offers' too."""
    offers = oracle.offers.items()
    return attrs.evolve(
        oracle,
        timing=provider.timing,
        offers={m: attrs.evolve(each, timing=provider.model_timing) for m, each in offers},
    )


def completions_by_day(ledger: CheckAccounting, *, before: datetime) -> Counter[date]:
    """Return the completions that the file says were spent before a moment, by day of UTC."""
    spent = Counter[date]()
    for rows in ledger.stored.values():
        for row in rows:
            if row.seen.at < before:
                spent[row.seen.at.date()] += row.seen.completions
    return spent
