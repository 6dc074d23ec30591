"""Every fault of the network at once, through the real checks, actors and aggregator.

Each gets its outcome kind, on time; providers that are well beside them notice nothing; threads,
sockets and memory return to where they were.
"""

import gc
import os
import resource
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
)
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.vital import Vital
from tracker import Config, run_tracker
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.provider_status import ProviderStatus
from tracker.core.settings import Provider, Timing
from tracker.probes import Check, FunctionCheck, open_check
from tracker.testing import (
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    bad_dns,
    bad_tls,
    fault_proxy,
    simulated_provider,
)
from tracker.testing import broken_servers as broken
from tracker.testing.wire import HTML, Reply

LIMIT = 1.0  # seconds a check may take
LATE = 0.1  # seconds beyond it
PATIENCE = 20.0  # seconds longer, where somebody was not checked once
WELL = 5
Opening = Callable[[], AbstractAsyncContextManager[Any]]


def _body(body: bytes, content_type: str = "application/json") -> Opening:
    return partial(broken.answering, Reply(body=body, content_type=content_type))


def _toxic(toxic: Any) -> Opening:
    return partial(fault_proxy, None, toxic)


CASES: dict[str, tuple[Opening, OutcomeKind]] = {
    "refused": (broken.refused, OutcomeKind.CONNECT),
    "hangs before accepting": (broken.hang_before_accept, OutcomeKind.TIMEOUT),
    "hangs after accepting": (broken.hang_after_accept, OutcomeKind.TIMEOUT),
    "head drips": (partial(broken.header_drip, 0.1), OutcomeKind.TIMEOUT),
    "body drips": (partial(broken.body_drip, 0.1), OutcomeKind.TIMEOUT),
    "reset": (broken.reset_after_request, OutcomeKind.CONNECT),
    "short body": (broken.short_body, OutcomeKind.BAD_RESPONSE),
    "gzip bomb": (broken.gzip_bomb, OutcomeKind.BAD_RESPONSE),
    "endless body": (broken.endless_body, OutcomeKind.BAD_RESPONSE),
    "redirect": (
        partial(broken.redirect, "http://169.254.169.254/latest"),
        OutcomeKind.BAD_RESPONSE,
    ),
    "web page": (_body(b"<html>It works!</html>", HTML), OutcomeKind.BAD_RESPONSE),
    **{
        name: (_body(body), OutcomeKind.BAD_RESPONSE)
        for name, body in broken.HOSTILE_BODIES.items()
    },
    "tls, well": (bad_tls.valid, OutcomeKind.OK),
    "tls, of another host": (bad_tls.wrong_host, OutcomeKind.TLS),
    "tls, expired": (bad_tls.expired, OutcomeKind.TLS),
    "tls, unknown authority": (bad_tls.unknown_authority, OutcomeKind.TLS),
    "tls, self-signed": (bad_tls.self_signed, OutcomeKind.TLS),
    "tls, silent": (bad_tls.silent, OutcomeKind.TIMEOUT),
    "tls, plain text": (bad_tls.plain_text, OutcomeKind.TLS),
    "latency 200 ms": (_toxic(Latency(latency_ms=200.0, jitter_ms=50.0)), OutcomeKind.OK),
    "latency 2 s": (_toxic(Latency(latency_ms=2000.0)), OutcomeKind.TIMEOUT),
    "bandwidth 0.1 KB/s": (_toxic(Bandwidth(rate=0.1)), OutcomeKind.TIMEOUT),
    "slow_close": (_toxic(SlowClose(delay_ms=400.0)), OutcomeKind.OK),
    "timeout, never closed": (_toxic(Timeout()), OutcomeKind.TIMEOUT),
    "timeout, closed after 0.3 s": (_toxic(Timeout(timeout_ms=300.0)), OutcomeKind.CONNECT),
    "reset_peer": (_toxic(ResetPeer()), OutcomeKind.CONNECT),
    "slicer": (_toxic(Slicer(average_size=16, size_variation=8, delay_us=500.0)), OutcomeKind.OK),
    "limit_data in the head": (_toxic(LimitData(bytes=20)), OutcomeKind.CONNECT),
    "limit_data in the body": (_toxic(LimitData(bytes=200)), OutcomeKind.BAD_RESPONSE),
}
DNS = {
    "dns, unknown name": (bad_dns.failing, OutcomeKind.DNS),
    "dns, hangs": (bad_dns.hanging, OutcomeKind.TIMEOUT),
}


@attrs.define(eq=False)
class Heard:
    """What the checks of one provider found. late: seconds beyond the limit, of the worst.

    lag: seconds by which the event loop itself was late meanwhile, at its worst: on a busy
    machine everything is as late as that.
    """

    kinds: Counter[OutcomeKind] = attrs.field(factory=Counter)
    late: float = 0.0
    lag: float = 0.0


async def network_faults(seconds: float, limit: float = LIMIT, late: float = LATE) -> Outcome:
    """All at once for so long, after a short run that warms everything up.

    limit: seconds that a check may take; a busy machine needs more than the usual ones. late:
    seconds beyond it that are no fault.
    """
    await _pass(1.5, limit)
    gc.collect()
    before = Vital.of(os.getpid())
    heard = await _pass(seconds, limit)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    gc.collect()
    after = Vital.of(os.getpid())
    expected = {**CASES, **DNS}
    table, wrong = {}, []
    for name, (_, kind) in expected.items():
        right = sum(heard[name].kinds[each] for each in _alike(kind))
        ours = heard[name].kinds[OutcomeKind.INTERNAL]
        checks = heard[name].kinds.total()
        table[name] = {
            "outcome": kind.value,
            "checks": checks,
            "right": right,
            "ours": ours,
            "late_ms": round(heard[name].late * 1000.0, 1),
        }
        if right + ours != checks or not right:
            found = {kind.value: n for kind, n in heard[name].kinds.items()}
            wrong.append(f"{name}: expected {kind.value}, found {found}")
    worst = max(each.late for each in heard.values())
    lag = max(each.lag for each in heard.values())
    well = Counter[OutcomeKind]()
    for name in heard.keys() - expected.keys():
        well += heard[name].kinds
    harmed = (
        well.total() - well[OutcomeKind.OK] - well[OutcomeKind.SLOW] - well[OutcomeKind.INTERNAL]
    )
    figures: Figures = {
        "faults_injected": len(expected),
        "faults_passed": len(expected) - len(wrong),
        "checks": sum(each.kinds.total() for each in heard.values()),
        "worst_overshoot_ms": round(worst * 1000.0, 1),
        "worst_lag_of_the_event_loop_ms": round(lag * 1000.0, 1),
        "checks_of_the_well": well.total(),
        "checks_of_the_well_that_failed": harmed,
        "checks_that_our_own_stall_spoiled": sum(
            h.kinds[OutcomeKind.INTERNAL] for h in heard.values()
        ),
        "threads_before_and_after": f"{before.threads} → {after.threads}",
        "descriptors_before_and_after": f"{before.descriptors} → {after.descriptors}",
        "memory_mib_before_and_after": f"{before.rss / 2**20:.1f} → {after.rss / 2**20:.1f}",
        "memory_peak_mib": round(peak, 1),
    }
    claims = {
        f"{worst * 1000:.0f} ms beyond the limit": worst - lag > late,
        "providers that are well were harmed": harmed > 0,
        "descriptors are left": after.descriptors > before.descriptors,
        "threads are left": after.threads > before.threads + 2,  # trio keeps idle ones for 10 s
    }
    return Outcome({**figures, **table}, (*wrong, *(t for t, is_so in claims.items() if is_so)))


def _alike(kind: OutcomeKind) -> set[OutcomeKind]:
    """On a busy machine a good answer may be a slow one."""
    return {kind, OutcomeKind.SLOW} if kind is OutcomeKind.OK else {kind}


async def _pass(seconds: float, limit: float) -> dict[str, Heard]:
    """Each in a tracker with everything else; names that do not resolve, one after the other."""
    heard: dict[str, Heard] = {}
    async with AsyncExitStack() as stack:
        providers, trust = [], {}
        for name, (opening, _) in CASES.items():
            target = await stack.enter_async_context(opening())
            providers.append(
                _provider(limit, name, getattr(target, "url", None) or target.base_url)
            )
            trust[name] = getattr(target, "trust", None)
        for number in range(WELL):
            good = await stack.enter_async_context(simulated_provider(latency_ms=5.0))
            providers.append(_provider(limit, f"well {number}", good.base_url))
        await _track(providers, trust, heard, seconds)
        for name, (dns, _) in DNS.items():
            with dns():
                lost = _provider(limit, name, "https://api.example/v1")
                await _track(
                    [lost, *providers[-WELL:]], trust, heard, max(seconds / 4, 1.5 * limit)
                )
    return heard


def _provider(limit: float, name: str, url: str) -> Provider:
    timing = Timing(interval_seconds=limit * 1.2, timeout_seconds=limit, recheck_seconds=(limit,))
    return Provider(name=name, base_url=url, timing=timing)


def _is_told(provider: ProviderStatus) -> bool:
    """Return whether a check of it said something, and not only that we stalled."""
    return provider.last_check is not None and provider.outcome is not OutcomeKind.INTERNAL


async def _track(
    providers: list[Provider], trust: dict[str, Any], heard: dict[str, Heard], seconds: float
) -> None:
    @asynccontextmanager
    async def listening(provider: Provider) -> AsyncIterator[Check]:
        each = heard.setdefault(provider.name, Heard())
        async with open_check(provider, tls=trust.get(provider.name)) as check:

            async def timed() -> CheckResult:
                began = trio.current_time()
                try:
                    return await check()
                finally:
                    took = trio.current_time() - began
                    limit = provider.timing.timeout_seconds
                    if took >= limit and not stopping:
                        each.late = max(each.late, took - limit)

            yield FunctionCheck(timed)

    stopping = False
    with tempfile.TemporaryDirectory() as folder:
        config = Config(database=str(Path(folder) / "status.db"), providers=tuple(providers))
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(partial(run_tracker, config, open_check=listening))
            await trio.sleep(seconds)
            with trio.move_on_after(PATIENCE):  # a busy machine may have ended no check by now
                while not all(map(_is_told, tracker.snapshot.providers.values())):  # noqa: ASYNC110
                    await trio.sleep(0.05)
            stopping = True
            lag = tracker.health().worst_loop_lag_ms / 1000.0
            tracker.stop()
        with closing(sqlite3.connect(config.database)) as connection:
            for name, outcome in connection.execute("SELECT provider_name, outcome FROM checks"):
                heard[name].kinds[OutcomeKind(outcome)] += 1
    for provider in providers:
        heard[provider.name].lag = max(heard[provider.name].lag, lag)
