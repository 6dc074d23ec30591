"""tracker.probes against the testing kit's broken servers: each fault has its kind, in time."""

import gc
from functools import partial
from typing import Any

import pytest
import trio

from tests.helpers.waiting import wait_until
from tracker.core.outcomes import Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.testing import bad_dns, bad_tls
from tracker.testing import broken_servers as broken

KEY = "canary-0123456789abcdef"
PATIENCE = 0.4  # seconds: stands for the actor's ten
UNREACHED, REACHED = Facts(reachable=False), Facts(reachable=True)

FAULTS = {
    "refused": (broken.refused, OutcomeKind.CONNECT, UNREACHED),
    "reset": (broken.reset_after_request, OutcomeKind.CONNECT, UNREACHED),
    "short body": (broken.short_body, OutcomeKind.BAD_RESPONSE, REACHED),
    "gzip bomb": (partial(broken.gzip_bomb, 20), OutcomeKind.BAD_RESPONSE, REACHED),
    "endless body": (broken.endless_body, OutcomeKind.BAD_RESPONSE, REACHED),
    "redirect": (
        partial(broken.redirect, f"http://127.0.0.1:9/{KEY}"),
        OutcomeKind.BAD_RESPONSE,
        REACHED,
    ),
    "tls, right": (bad_tls.valid, OutcomeKind.OK, REACHED),
    "tls, another host": (bad_tls.wrong_host, OutcomeKind.TLS, UNREACHED),
    "tls, expired": (bad_tls.expired, OutcomeKind.TLS, UNREACHED),
    "tls, unknown authority": (bad_tls.unknown_authority, OutcomeKind.TLS, UNREACHED),
    "tls, self-signed": (bad_tls.self_signed, OutcomeKind.TLS, UNREACHED),
    "tls, plain text": (bad_tls.plain_text, OutcomeKind.TLS, UNREACHED),
}
HANGS = {
    "before accepting": broken.hang_before_accept,
    "after accepting": broken.hang_after_accept,
    "dripping its head": partial(broken.header_drip, 0.1),
    "dripping its body": partial(broken.body_drip, 0.1),
    "in the handshake": bad_tls.silent,
}


def provider(url: Any) -> Provider:
    return Provider(name="broken", base_url=url, keys=(Secret(KEY),))


@pytest.mark.parametrize(("fault", "kind", "facts"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_has_its_kind(fault: Any, kind: Any, facts: Any) -> None:
    async with fault() as target, open_check(provider(target.url), tls=target.trust) as check:
        finding = await check()
    assert (finding.kind, finding.facts) == (kind, facts)
    assert KEY not in finding.message


@pytest.mark.parametrize(("name", "hang"), HANGS.items(), ids=HANGS)
async def test_a_hanging_server_ends_with_the_surrounding_scope(name: str, hang: Any) -> None:
    async with hang() as target, open_check(provider(target.url), tls=target.trust) as check:
        answers = name == "dripping its body"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(check)
            if answers:
                await wait_until(lambda: check.partial_result().facts.reachable)
            else:
                await trio.sleep(PATIENCE)  # that nothing comes has no moment to wait for
            assert nursery.child_tasks
            nursery.cancel_scope.cancel()
    gc.collect()  # a socket left open would tell, and fail this test
    assert check.partial_result().facts == Facts(reachable=answers)


async def test_an_unknown_name_is_a_dns_fault() -> None:
    with bad_dns.failing():
        async with open_check(provider("https://api.example")) as check:
            assert (await check()).kind is OutcomeKind.DNS


async def test_a_hanging_resolver_does_not_use_up_the_threads_of_others() -> None:
    with bad_dns.hanging():
        async with open_check(provider("https://api.example")) as check:
            for _ in range(4):
                with trio.move_on_after(0.02):
                    await check()
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
