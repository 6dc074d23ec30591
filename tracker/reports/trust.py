"""Which reporters may cause checks: those whose failures are confirmed by checks. Pure."""

import attrs

MOST_UNCONFIRMED = 3  # consecutive: once may be a short failure, three times is a pattern
DISTRUST_SECONDS = 600.0
# Calls that failed just before an outage ended are reported when a check already succeeds: true.
LATE_SECONDS = 60.0
MOST_REPORTERS = 1_000  # names are free text; the one silent for longest is dropped


@attrs.frozen(kw_only=True)
class UntrustedReporter:
    """For health. ``until``: steady seconds."""

    reporter: str
    until: float


@attrs.define
class _Standing:
    unconfirmed: int = 0
    until: float = -float("inf")


@attrs.define(eq=False)
class ReporterTrust:
    """Remembers which reporters said that a provider fails, and the result of the next check."""

    _standings: dict[str, _Standing] = attrs.field(factory=dict)
    # Reporters of failures by provider or offer (its model), and when a check last agreed.
    _accused: dict[tuple[str, str | None], set[str]] = attrs.field(factory=dict)
    _confirmed: dict[tuple[str, str | None], float] = attrs.field(factory=dict)

    def is_trusted(self, reporter: str, now: float) -> bool:
        """Return whether a reporter is believed at this steady time; an unknown one is."""
        standing = self._standings.get(reporter)
        return standing is None or now >= standing.until

    def accuse(self, reporter: str, provider: str, model: str | None = None) -> None:
        """Note that a report of a failure called for a check, or that one is on its way already."""
        accusers = self._accused.setdefault((provider, model), set())
        if len(accusers) < MOST_REPORTERS:
            accusers.add(reporter)

    def settle(
        self, provider: str, now: float, *, confirmed: bool, model: str | None = None
    ) -> None:
        """Settle the check that was called for; ``now`` is steady seconds."""
        place = (provider, model)
        accusers = self._accused.pop(place, ())
        if confirmed:
            self._confirmed[place] = now
        elif now < self._confirmed.get(place, -float("inf")) + LATE_SECONDS:
            return
        for reporter in accusers:
            standing = self._standings.pop(reporter, None) or _Standing()
            self._standings[reporter] = standing  # at the end: the most recent
            standing.unconfirmed = 0 if confirmed else standing.unconfirmed + 1
            if standing.unconfirmed >= MOST_UNCONFIRMED:
                standing.unconfirmed, standing.until = 0, now + DISTRUST_SECONDS
        while len(self._standings) > MOST_REPORTERS:
            del self._standings[next(iter(self._standings))]

    def untrusted(self, now: float) -> tuple[UntrustedReporter, ...]:
        """Return the reporters not believed at this steady time, by name."""
        return tuple(
            UntrustedReporter(reporter=name, until=standing.until)
            for name, standing in sorted(self._standings.items())
            if now < standing.until
        )

    def forget_provider(self, provider: str) -> None:
        """Forget a provider that is not watched any more: no check will follow."""
        for known in (self._accused, self._confirmed):
            for target in [each for each in known if each[0] == provider]:
                del known[target]
