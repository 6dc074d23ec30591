"""Correcting the result of a check for stalls of our own event loop. Pure."""

import attrs

from tracker.core.outcomes import CheckResult, OutcomeKind


def discount_loop_stall(result: CheckResult, *, stall: float, slow_ms: float) -> CheckResult:
    """Take out of a result what our own stalled event loop did to it; mark a slow one slow.

    An answer that the kernel has stamped is told as it was, and so is a refusal that came: no
    stall of ours makes a provider say it.
    """
    stall = 0.0 if result.latency_stamped else stall
    if stall and result.kind.is_success:
        return attrs.evolve(
            result,
            latency_ms=None,
            ttft_ms=None,
            message=f"the tracker's event loop stalled for {stall:.2g} s: its latency is not known",
        )
    if stall and result.kind.is_failure and (result.http_status or 0) < 400:
        message = f"the tracker's event loop stalled for {stall:.1f} s during the check"
        return CheckResult(
            kind=OutcomeKind.INTERNAL,
            message=message,
            requests=result.requests,
            completions=result.completions,
        )
    if result.kind is OutcomeKind.OK and result.latency_ms and result.latency_ms > slow_ms:
        return attrs.evolve(result, kind=OutcomeKind.SLOW)
    return result
