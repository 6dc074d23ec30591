"""Checks: ``open_check`` gives one provider's, which answers every call with a Finding."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs

from tracker.clock import Clock
from tracker.probes.dialects import Dialect, dialect_of
from tracker.probes.failures import FetchError
from tracker.probes.keys import Keyring, best_of, curable
from tracker.probes.session import Session, failed
from tracker.probes.transport import Transport, open_transport
from tracker.reports import Facts, Finding, Kind
from tracker.secret import Mask, Secret
from tracker.settings import Provider

__all__ = ["Check", "open_check"]

Check = Callable[[], Awaitable[Finding]]


@asynccontextmanager
async def open_check(
    provider: Provider, *, clock: Clock = Clock(), tls: ssl.SSLContext | None = None
) -> AsyncIterator[Check]:
    """The check of one provider, with a connection of its own that outlives a single check.

    A check has no time limit of its own and may be cancelled at any moment. It raises only on
    our own bugs: whatever provider and network do is a Finding. tls: used instead of the usual
    authorities and ``ca_file``. Raises LookupError for a kind that has no dialect.
    """
    ask = dialect_of(provider.kind)
    transport = _transport(provider, tls)
    if isinstance(transport, Finding):
        yield _Unable(transport)
        return
    async with transport:
        session = Session(provider=provider, transport=transport, clock=clock)
        yield _Check(session, ask, Keyring(provider.keys))


def _transport(provider: Provider, tls: ssl.SSLContext | None) -> Transport | Finding:
    try:
        return open_transport(provider, tls)
    except FetchError as error:
        return failed(error, Mask(provider.keys))


@attrs.frozen
class _Unable:
    """Stands for a check that its settings make impossible."""

    finding: Finding

    async def __call__(self) -> Finding:
        return attrs.evolve(self.finding, requests=0)


@attrs.frozen
class _Check:
    session: Session
    ask: Dialect
    keyring: Keyring

    async def __call__(self) -> Finding:
        self.session.requests = 0  # one that was cancelled has been reported without us
        self.session.transport.answered = False
        findings = []
        for position, key in self.keyring.turn():
            findings.append(await self._asked(key))
            self.keyring.note(position, findings[-1])
            if not curable(findings[-1]):
                break
        requests, completions = self.session.counted()
        return attrs.evolve(
            best_of(findings),
            requests=requests,
            completions=completions,
            keys=self.keyring.reports(),
        )

    def cut_off(self) -> Finding:
        """What is known of a check that was cancelled for its time limit."""
        requests, completions = self.session.counted()
        return Finding(
            kind=Kind.TIMEOUT,
            facts=Facts(reachable=self.session.transport.answered),
            requests=requests,
            completions=completions,
            keys=self.keyring.reports(),
        )

    async def _asked(self, key: Secret | None) -> Finding:
        try:
            return await self.ask(self.session, key)
        except FetchError as error:
            return failed(error, self.session.mask)
