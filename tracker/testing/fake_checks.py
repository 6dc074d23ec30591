"""Providers without a network: checks that answer by ``mood`` on trio's time, also virtual time."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs
import trio

from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Provider
from tracker.testing.provider_behavior import ProviderBehavior


@attrs.define(kw_only=True, eq=False)
class FakeCheck:
    """One provider's check; ``mood`` and the rest may change at any time, also by a script.

    latency_ms: until it answers, slow_ms: while SLOW; retry_after: seconds, while RATE_LIMITED
    or OVERLOADED.
    crash: raised by the next check, like a bug of our own. models: how single offers behave.
    begun, ended: how many checks; overlapped: how many began while another was in progress.
    """

    mood: ProviderBehavior = ProviderBehavior.OK
    latency_ms: float = 100.0
    slow_ms: float = 1500.0
    retry_after: float | None = 30.0
    crash: Exception | None = None
    models: dict[str, ProviderBehavior] = attrs.field(factory=dict)
    begun: int = attrs.field(default=0, init=False)
    ended: int = attrs.field(default=0, init=False)
    overlapped: int = attrs.field(default=0, init=False)
    _spent: int = attrs.field(default=0, init=False)  # completions of the check in progress

    async def __call__(self) -> CheckResult:
        self.overlapped += self.begun > self.ended
        self.begun, self._spent = self.begun + 1, 0
        try:
            return await self._answer(self.mood)
        finally:
            self.ended += 1

    async def check_model(self, model: str) -> CheckResult:
        """Answer for an offer: by its own behavior where ``models`` names one."""
        self.overlapped += self.begun > self.ended
        self.begun, self._spent = self.begun + 1, 1
        try:
            answer = await self._answer(self.models.get(model, self.mood))
        finally:
            self.ended += 1
        return attrs.evolve(answer, completions=1)

    def partial_result(self) -> CheckResult:
        """Return what is known of a check that was cut off."""
        facts = Facts(reachable=False)
        return CheckResult(kind=OutcomeKind.TIMEOUT, facts=facts, completions=self._spent)

    def remember(self, learned: Mapping[str, RequestShape]) -> None:
        """Ignore what was learned: a fake check accepts any request."""

    async def _answer(self, mood: ProviderBehavior) -> CheckResult:
        if (crash := self.crash) is not None:
            self.crash = None
            raise crash
        if mood is ProviderBehavior.HANG:
            await trio.sleep_forever()
        latency_ms = self.slow_ms if mood is ProviderBehavior.SLOW else self.latency_ms
        await trio.sleep(latency_ms / 1000.0)
        asks_to_wait = mood in {ProviderBehavior.RATE_LIMITED, ProviderBehavior.OVERLOADED}
        retry_after = self.retry_after if asks_to_wait else None
        return finding_of(mood, latency_ms=latency_ms, retry_after=retry_after)


@attrs.define(eq=False)
class FakeProviders:
    """Give ``world.open_check`` to ``run_tracker``, and turn ``world["groq"].mood``."""

    checks: dict[str, FakeCheck] = attrs.field(factory=dict)

    def __getitem__(self, name: str) -> FakeCheck:
        """Return the check of that provider, which is created on first use."""
        return self.checks.setdefault(name, FakeCheck())

    @asynccontextmanager
    async def open_check(
        self,
        provider: Provider,
        *,
        clock: Clock = Clock(),  # noqa: ARG002 (as of tracker.probes.open_check)
        tls: ssl.SSLContext | None = None,  # noqa: ARG002
    ) -> AsyncIterator[FakeCheck]:
        """Open the fake check of a provider, as ``run_tracker``'s ``open_check`` does."""
        await trio.lowlevel.checkpoint()
        yield self[provider.name]


def finding_of(
    mood: ProviderBehavior, *, latency_ms: float, retry_after: float | None = None
) -> CheckResult:
    """Return what a check of a model list that needs a key finds; slow counts as ok here."""
    kind = OutcomeKind.OK if mood is ProviderBehavior.SLOW else mood.expected
    return CheckResult(
        kind=kind,
        message="" if kind is OutcomeKind.OK else f"simulated: {mood}",
        latency_ms=None
        if kind is OutcomeKind.CONNECT
        else latency_ms,  # a failure has an answer as well
        facts=_facts(kind),
        retry_after=retry_after,
    )


def _facts(kind: OutcomeKind) -> Facts:
    if kind is OutcomeKind.CONNECT:
        return Facts(reachable=False)
    return Facts(
        reachable=True,
        authenticated={OutcomeKind.OK: True, OutcomeKind.AUTH: False}.get(kind),
        quota_available=False if kind.is_limit else None,
    )
