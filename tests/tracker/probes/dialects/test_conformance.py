"""Every provider of the catalogue, on a real server that answers in its recorded shapes."""

from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
from trio.testing import MockClock

from tests.helpers.loopback import answer, http_server
from tests.helpers.recorded_answers import CASES, FIREWALL, REFUSALS
from tracker.config.catalogue import load_catalogue
from tracker.core.outcomes import Facts, OutcomeKind
from tracker.core.rate_limits import LimitSource
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.dialects import kinds
from tracker.testing.clocks import virtual_clock

KEY = "canary-0123456789abcdef"
CATALOGUE = load_catalogue()


@pytest.fixture
def credentials(tmp_path: Path) -> str:
    """Of the Gemini CLI: its token is the canary."""
    file = tmp_path / "oauth_creds.json"
    file.write_bytes(msgspec.json.encode({"access_token": KEY, "expiry_date": 4_000_000_000_000}))
    return str(file)


def provider(name: str, url: Any, credentials: Any) -> Provider:
    """As discovery makes it when its base URL variable names this server."""
    entry = CATALOGUE[name]
    case = CASES[name]
    return Provider(
        name=name,
        kind=entry.kind,
        base_url=url + case.base,
        moved=True,
        keys=() if name == "gemini_cli" else (Secret(KEY),),
        check=entry.check,
        model=entry.model,
        list_public=entry.list_public,
        options=entry.options | case.options | {"credential_file": credentials},
    )


async def checked(name: str, answers: Any, credentials: Any, **more: Any) -> tuple[Any, ...]:
    """The finding of one check, and the requests it sent."""
    async with http_server(answers) as server:
        here = provider(name, server.url, credentials)
        async with open_check(here, **more) as check:
            return await check(), server.asked


def test_every_provider_has_a_case_and_every_dialect_a_provider() -> None:
    assert CASES.keys() == CATALOGUE.keys()
    assert {entry.kind for entry in CATALOGUE.values()} == set(kinds())


@pytest.mark.parametrize("name", CASES)
async def test_a_good_answer_is_classified_and_read(name: str, credentials: str) -> None:
    case = CASES[name]
    finding, _ = await checked(name, case.well, credentials)
    assert (finding.kind, finding.message) == (OutcomeKind.OK, "")
    assert finding.facts == case.facts
    assert finding.models == case.models
    assert (finding.requests, finding.completions) == (len(case.requests), case.completions)
    told = [attrs.evolve(limit, reset_at=None) for limit in finding.limits]
    assert told == list(case.limits)
    assert finding.limits_source == (LimitSource.BODY if case.limits else LimitSource.NONE)
    assert finding.latency_ms is not None
    assert (finding.ttft_ms is not None) == bool(case.completions)


@pytest.mark.parametrize("name", CASES)
async def test_each_check_sends_the_expected_requests(name: str, credentials: str) -> None:
    case = CASES[name]
    _, requests = await checked(name, case.well, credentials)
    assert [f"{asked.method} {asked.target}" for asked in requests] == list(case.requests)
    for asked in requests:
        assert asked.headers[case.header] == case.scheme + KEY
        others = [value for key, value in asked.headers.items() if key != case.header]
        assert KEY not in f"{asked.target} {asked.body!r} {others}"


@pytest.mark.parametrize("how", REFUSALS)
@pytest.mark.parametrize("name", CASES)
async def test_each_refusal_is_classified(name: str, how: Any, credentials: str) -> None:
    case = CASES[name]
    given = FIREWALL if how == "blocked" else getattr(case, how)
    kind, proven = REFUSALS[how]
    finding, _ = await checked(name, given, credentials)
    assert finding.kind is kind
    facts = attrs.evolve(finding.facts, inference=None)
    assert facts == Facts(reachable=True, **proven)
    assert not finding.facts.inference
    assert KEY not in repr(finding)


@pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if ("retry-after", "7") in case.limited.headers]
)
async def test_a_rate_limit_has_its_reset(name: str, credentials: str) -> None:
    finding, _ = await checked(name, CASES[name].limited, credentials)
    assert finding.retry_after == 7.0


async def test_geminis_day_ends_at_midnight_pacific(
    credentials: str, autojump_clock: MockClock
) -> None:
    clock = virtual_clock()  # 2026-11-23 12:00 UTC is 04:00 in Los Angeles
    finding, _ = await checked("gemini", CASES["gemini"].spent, credentials, clock=clock)
    assert finding.kind is OutcomeKind.QUOTA_EXHAUSTED
    assert finding.retry_after == pytest.approx(20 * 3600.0, abs=5)


@pytest.mark.parametrize("name", CASES)
async def test_the_key_echoed_in_every_way_never_shows(name: str, credentials: str) -> None:
    """In an error's text, in a page, as a model's name."""
    echoes = [
        answer({"error": {"message": f"bad {KEY}", "code": KEY}, "detail": KEY}, 401),
        answer(f"<html>{KEY}</html>", 500),
        answer(KEY.encode(), 400),
        answer({"data": [{"id": KEY}], "valid": True}),
    ]
    for given in echoes:
        finding, _ = await checked(name, given, credentials)
        assert KEY not in repr(finding)
