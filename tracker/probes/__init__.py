"""Checks: ``open_check`` opens one for a provider; each call of it returns a CheckResult."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs

from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Mask, Secret
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Provider
from tracker.probes.check import Check, FunctionCheck
from tracker.probes.dialects import Dialect, dialect_of
from tracker.probes.http.failures import FetchError
from tracker.probes.http.transport import Transport, open_transport
from tracker.probes.keys import Keyring, best_of, may_succeed_with_another_key
from tracker.probes.session import Session, finding_from_error

__all__ = ["Check", "FunctionCheck", "open_check"]


@asynccontextmanager
async def open_check(
    provider: Provider, *, clock: Clock = Clock(), tls: ssl.SSLContext | None = None
) -> AsyncIterator[Check]:
    """Open the check of one provider, with a connection of its own that outlives a single check.

    A check has no time limit of its own and may be cancelled at any moment. It raises only on
    our own bugs: whatever provider and network do is a CheckResult. tls: used instead of the usual
    authorities and ``ca_file``. Raises LookupError for a kind that has no dialect.
    """
    ask = dialect_of(provider.kind)
    transport = _transport(provider, tls)
    if isinstance(transport, CheckResult):
        yield _MisconfiguredCheck(transport)
        return
    async with transport:
        session = Session(provider=provider, transport=transport, clock=clock)
        yield _Check(session, ask, Keyring(provider.keys))


def _transport(provider: Provider, tls: ssl.SSLContext | None) -> Transport | CheckResult:
    try:
        return open_transport(provider, tls)
    except FetchError as error:
        return finding_from_error(error, Mask(provider.keys))


@attrs.frozen
class _MisconfiguredCheck:
    """Replaces a check that cannot be made because of the provider's settings."""

    finding: CheckResult

    async def __call__(self) -> CheckResult:
        return attrs.evolve(self.finding, requests=0)

    async def check_model(self, model: str) -> CheckResult:
        return attrs.evolve(self.finding, requests=0, model=model)

    def remember(self, learned: Mapping[str, RequestShape]) -> None:
        """Remember nothing, since nothing is asked."""

    def partial_result(self) -> CheckResult:
        return attrs.evolve(self.finding, requests=0)


@attrs.frozen
class _Check:
    session: Session
    ask: Dialect
    keyring: Keyring

    async def __call__(self) -> CheckResult:
        self.session.transport.sent = 0  # a cancelled check was already reported elsewhere
        self.session.transport.answered = False
        findings = []
        for position, key in self.keyring.turn():
            findings.append(await self._ask_with(key))
            self.keyring.note(position, findings[-1])
            if not may_succeed_with_another_key(findings[-1]):
                break
        requests, completions = self.session.take_counts()
        return attrs.evolve(
            best_of(findings),
            requests=requests,
            completions=completions,
            keys=self.keyring.reports(),
            learned=dict(self.session.learned),
            retiring=self.session.memory.get("retiring", {}),
            tasks=self.session.memory.get("tasks", {}),
        )

    def remember(self, learned: Mapping[str, RequestShape]) -> None:
        """Ask these models as an earlier process has learnt to."""
        self.session.learned.update(learned)

    async def check_model(self, model: str) -> CheckResult:
        """Ask one offer: the completion of a provider that is checked by nothing else."""
        provider = self.session.provider
        self.session.provider = attrs.evolve(provider, check="chat", model=model)
        try:
            return await self()
        finally:
            self.session.provider = provider

    def partial_result(self) -> CheckResult:
        """Return what is known of a check that was cancelled for its time limit."""
        requests, completions = self.session.take_counts()
        return CheckResult(
            kind=OutcomeKind.TIMEOUT,
            facts=Facts(reachable=self.session.transport.answered),
            requests=requests,
            completions=completions,
            keys=self.keyring.reports(),
        )

    async def _ask_with(self, key: Secret | None) -> CheckResult:
        try:
            return await self.ask(self.session, key)
        except FetchError as error:
            return finding_from_error(error, self.session.secrets.mask)
