"""Detecting that our own network is down, not the providers. Pure.

When providers on different hosts fail at DNS or at connecting, and no other answers in between,
the fault is more likely on our side: the cable, the resolver, the proxy.
"""

from functools import cache
from urllib.parse import urlsplit

import attrs

from tracker.core.addresses import is_loopback_host
from tracker.core.outcomes import CheckResult, OutcomeKind

# Two providers may be down at the same time by chance, or share a cloud; three may not.
HOSTS_TO_BLAME_US = 3
# With fewer than three hosts all must fail, but one alone says nothing about our network.
LEAST_HOSTS = 2
UNREACHED = frozenset({OutcomeKind.DNS, OutcomeKind.CONNECT})


@attrs.define(eq=False)
class OwnNetwork:
    """Watches the checks of all providers for signs of our own network's failure.

    away: our network is considered down. suspects: providers that could not be reached since the
    last answer from any. Providers on this machine say nothing about it and are left out.
    """

    away: bool = False
    suspects: set[str] = attrs.field(factory=set)
    _hosts: dict[str, str] = attrs.field(factory=dict)

    def watch(self, name: str, base_url: str, *, enabled: bool) -> None:
        """Take a provider's settings."""
        host = find_host(base_url) if enabled else None
        if host is None:
            self.forget(name)
        else:
            self._hosts[name] = host

    def forget(self, name: str) -> None:
        """Leave a provider out that is no longer watched."""
        self._hosts.pop(name, None)
        self.suspects.discard(name)

    def record(self, result: CheckResult) -> bool:
        """Take one check; return whether it is our network's failure, not the provider's."""
        if result.provider not in self._hosts:
            return False
        if result.kind in UNREACHED:
            self.suspects.add(result.provider)
            self.away = self.away or self._is_pattern()
            return self.away
        if result.facts.reachable:
            self.away = False
            self.suspects.clear()
        return False

    def _is_pattern(self) -> bool:
        """Return whether so many hosts have failed that the fault is more likely ours."""
        if len(self.suspects) < LEAST_HOSTS:
            return False  # the usual case: counting all hosts at every check would be slow
        watched = len(set(self._hosts.values()))
        needed = min(HOSTS_TO_BLAME_US, watched)
        failed = {self._hosts[name] for name in self.suspects}
        return needed >= LEAST_HOSTS and len(failed) >= needed


@cache
def find_host(base_url: str) -> str | None:
    """Return the host whose answers say something about our network; None for our own machine."""
    try:
        host = urlsplit(base_url).hostname
    except ValueError:
        return None
    return None if host is None or is_loopback_host(host) else host
