"""tracker.probes.dialects.gemini_cli: login, tier and quota, and a file that is only read."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
import trio
from trio.testing import MockClock

from tests.helpers.loopback import answer, http_server
from tracker.config.catalogue import load_catalogue
from tracker.core.outcomes import Facts, OutcomeKind
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.dialects.gemini_cli import readings
from tracker.testing.clocks import START, virtual_clock

TOKEN, REFRESH, NEW = "ya29.canary-token", "1//canary-refresh", "ya29.canary-new-token"
FOREVER = 4_000_000_000_000
TIER = answer({"currentTier": {"id": "standard-tier"}})
RENEWED = answer({"access_token": NEW, "expires_in": 3599})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "oauth_creds.json"


def write(file: Any, **fields: Any) -> None:
    file.write_bytes(msgspec.json.encode(fields))


def provider(file: Any, url: Any, **options: Any) -> Provider:
    entry = load_catalogue()["gemini_cli"]
    return Provider(
        name="gemini_cli",
        kind="gemini_cli",
        base_url=url + "/v1internal",
        moved=True,
        check=entry.check,
        list_public=False,
        options=entry.options | {"credential_file": str(file)} | options,
    )


async def check(
    file: Any, answers: Any, *, times: int = 1, clock: Any = None, **options: Any
) -> tuple[Any, ...]:
    async with http_server(answers) as server:
        named = {} if clock is None else {"clock": clock}
        async with open_check(provider(file, server.url, **options), **named) as ask:
            for _ in range(times):
                finding = await ask()
        return finding, server.asked


def by_path(**answers: Any) -> Any:
    """By the part of the path behind /v1internal."""
    return lambda asked: answers[asked.target.removeprefix("/v1internal")[1:]]


async def test_a_good_token_and_a_tier(file: Path) -> None:
    write(file, access_token=TOKEN, refresh_token=REFRESH, expiry_date=FOREVER)
    before = file.read_bytes()
    finding, asked = await check(file, TIER)
    assert finding.kind is OutcomeKind.OK
    assert finding.facts == Facts(reachable=True, authenticated=True)
    assert [f"{one.method} {one.target}" for one in asked] == ["POST /v1internal:loadCodeAssist"]
    assert asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert asked[0].json == {
        "metadata": {
            "ideType": "IDE_UNSPECIFIED",
            "platform": "PLATFORM_UNSPECIFIED",
            "pluginType": "GEMINI",
        },
        "mode": "HEALTH_CHECK",
    }
    assert file.read_bytes() == before


async def test_a_refused_tier_is_distinguished_from_an_invalid_token(file: Path) -> None:
    write(file, access_token=TOKEN, expiry_date=FOREVER)
    reason = {"reasonCode": "UNSUPPORTED_CLIENT", "reasonMessage": "Use Antigravity"}
    refused, _ = await check(file, answer({"ineligibleTiers": [reason]}))
    dead, _ = await check(file, answer({"error": {"status": "UNAUTHENTICATED"}}, 401))
    assert refused.kind is dead.kind is OutcomeKind.AUTH
    assert refused.facts == Facts(reachable=True, authenticated=True)
    assert dead.facts == Facts(reachable=True, authenticated=False)
    assert refused.message == (
        "the token is valid, but the account has no tier of the Gemini CLI: "
        "UNSUPPORTED_CLIENT, Use Antigravity"
    )


@pytest.mark.parametrize("tiers", [None, [], [3], [{"reasonCode": 3}], "x", {}])
async def test_an_unreadable_refusal_of_a_tier_is_a_failure(file: Path, tiers: Any) -> None:
    write(file, access_token=TOKEN, expiry_date=FOREVER)
    finding, _ = await check(file, answer({"currentTier": None, "ineligibleTiers": tiers}))
    assert finding.kind is OutcomeKind.AUTH
    assert finding.message.endswith("has no tier of the Gemini CLI: no reason was given")


# The file


async def reason(file: Any) -> Any:
    """Why there is no login; nothing is sent."""
    before = file.read_bytes() if file.is_file() else None
    finding, asked = await check(file, TIER)
    assert finding.kind is OutcomeKind.AUTH
    assert finding.facts == Facts(authenticated=False)
    assert (asked, finding.requests) == ([], 0)
    assert before is None or file.read_bytes() == before
    return finding.message.replace(str(file), "FILE")


async def test_no_file(file: Path) -> None:
    assert await reason(file) == (
        "no credential file FILE: log in again with the Gemini CLI, or set GEMINI_CLI_OAUTH_CREDS"
    )


async def test_a_file_that_cannot_be_read(file: Path) -> None:
    file.mkdir()
    assert await reason(file) == "credential file FILE cannot be read: Is a directory"


@pytest.mark.parametrize("path", ["~nobody-here/creds", "\x00", "", "/" + "x" * 300, "/x\n/y"])
async def test_an_invalid_path_is_reported(path: str) -> None:
    finding, _ = await check(path, TIER)
    assert finding.kind is OutcomeKind.AUTH
    assert finding.message.isprintable()
    assert len(finding.message) <= 200


async def test_an_encrypted_file(file: Path) -> None:
    file.write_text("00112233445566778899aabb:ffeeddccbbaa99887766554433221100:deadbeef")
    assert await reason(file) == (
        "credential file FILE is encrypted: log in without "
        "GEMINI_FORCE_ENCRYPTED_FILE_STORAGE, or name another file"
    )


@pytest.mark.parametrize(
    "content", [b"", b'{"access_token": "ya', b"[1]", b"\xff\x00", b"[" * 9999]
)
async def test_a_half_written_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert await reason(file) == (
        "credential file FILE is incomplete or not JSON: log in again with the Gemini CLI"
    )


async def test_a_file_without_a_login(file: Path) -> None:
    write(file, access_token=3, refresh_token=None)
    assert "has neither a token nor a refresh token" in await reason(file)


async def test_an_expired_token_without_a_refresh_token(file: Path) -> None:
    write(file, access_token=TOKEN, expiry_date=1_000)
    assert await reason(file) == (
        "the token expired and there is no refresh token: log in again with the Gemini CLI"
    )


# Renewal


async def test_an_expired_token_is_renewed_in_memory_below_the_moved_base(
    file: Path, autojump_clock: MockClock
) -> None:
    write(file, access_token=TOKEN, refresh_token=REFRESH, expiry_date=1_000)
    before = file.read_bytes()
    answers = by_path(token=RENEWED, loadCodeAssist=TIER)
    finding, asked = await check(file, answers, times=2, clock=virtual_clock())
    assert finding.kind is OutcomeKind.OK
    targets = [one.target for one in asked]
    load = "/v1internal:loadCodeAssist"
    assert targets == ["/v1internal/token", load, load]
    form = {"grant_type": ["refresh_token"], "refresh_token": [REFRESH]}
    assert parse_qs(asked[0].body.decode()) == form
    assert {one.headers["authorization"] for one in asked[1:]} == {f"Bearer {NEW}"}
    assert file.read_bytes() == before


async def test_a_renewed_token_is_renewed_again_before_it_ends(
    file: Path, autojump_clock: MockClock
) -> None:
    write(file, access_token=TOKEN, refresh_token=REFRESH, expiry_date=1_000)
    clock = virtual_clock()
    answers = by_path(token=RENEWED, loadCodeAssist=TIER)
    async with http_server(answers) as server:
        here = provider(file, server.url)
        async with open_check(here, clock=clock) as ask:
            await ask()
            await trio.sleep(3550)
            await ask()
    assert [one.target.rpartition("/")[2] for one in server.asked].count("token") == 2


async def test_a_token_revoked_early_is_renewed_once(file: Path) -> None:
    write(file, access_token=TOKEN, refresh_token=REFRESH, expiry_date=FOREVER)

    def reply(asked: Any) -> Any:
        if asked.target.endswith("/token"):
            return RENEWED
        return TIER if asked.headers["authorization"].endswith(NEW) else answer({}, 401)

    finding, asked = await check(file, reply)
    assert (finding.kind, len(asked)) == (OutcomeKind.OK, 3)


async def test_an_oauth_client_that_is_named_is_sent_and_never_shown(file: Path) -> None:
    write(file, refresh_token=REFRESH)
    echo = answer({"error": "no canary-client-secret"}, 400)
    client = {"client_id": "me", "client_secret": "canary-client-secret"}
    finding, asked = await check(file, echo, **client)
    form = parse_qs(asked[0].body.decode())
    assert (form["client_id"], form["client_secret"]) == (["me"], ["canary-client-secret"])
    assert finding.message == "the refresh token was refused: no ***"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("invalid_grant", "revoked or expired, log in again with the Gemini CLI"),
        (
            "invalid_client",
            "set GEMINI_CLI_CLIENT_ID and GEMINI_CLI_CLIENT_SECRET, or run the Gemini CLI, "
            "which renews its file",
        ),
        ("strange", "strange"),
        (3, "no reason was given"),
    ],
)
async def test_a_refresh_token_that_is_refused(file: Path, error: str | int, told: str) -> None:
    write(file, access_token=TOKEN, refresh_token=REFRESH, expiry_date=1_000)
    body = {"error": error, "error_description": f"no {REFRESH}"}
    finding, _ = await check(file, answer(body, 400))
    assert finding.kind is OutcomeKind.AUTH
    assert finding.facts == Facts(reachable=True, authenticated=False)
    assert finding.message == f"the refresh token was refused: {told}"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(status=503), OutcomeKind.OVERLOADED),
        (answer({}), OutcomeKind.BAD_RESPONSE),
        (answer([]), OutcomeKind.BAD_RESPONSE),
    ],
)
async def test_a_renewal_that_fails_for_another_reason_is_no_refusal(
    file: Path, given: Any, kind: OutcomeKind
) -> None:
    write(file, access_token=TOKEN, refresh_token=REFRESH, expiry_date=1_000)
    finding, _ = await check(file, given)
    assert finding.kind is kind
    assert finding.facts.authenticated is None


async def test_tokens_never_show(file: Path) -> None:
    write(file, access_token=TOKEN, refresh_token=REFRESH, expiry_date=FOREVER)
    echo = answer({"error": {"message": f"{TOKEN} {REFRESH}"}}, 403)
    finding, _ = await check(file, echo)
    assert finding.message == "our key or account was refused (403): *** ***"


# Quota


def buckets(*fractions: Any) -> Any:
    return answer(
        {
            "buckets": [
                {
                    "modelId": f"m{n}",
                    "remainingFraction": fraction,
                    "resetTime": "2026-11-23T14:00:00Z",
                }
                for n, fraction in enumerate(fractions)
            ]
        }
    )


@pytest.mark.parametrize(
    ("fractions", "kind", "left"),
    [
        ((0.5, 0.0), OutcomeKind.OK, [50.0, 0.0]),
        ((0.0, None), OutcomeKind.QUOTA_EXHAUSTED, [0.0]),
        ((7.0,), OutcomeKind.OK, [100.0]),
    ],
)
async def test_buckets(file: Path, fractions: Any, kind: OutcomeKind, left: list[Any]) -> None:
    write(file, access_token=TOKEN, expiry_date=FOREVER)
    answers = by_path(loadCodeAssist=TIER, retrieveUserQuota=buckets(*fractions))
    clock = virtual_clock()
    finding, asked = await check(file, answers, project="p", clock=clock)
    assert finding.kind is kind
    assert [limit.remaining for limit in finding.limits] == left
    assert finding.facts.quota_available is (kind is OutcomeKind.OK)
    assert asked[1].json == {"project": "p"}
    if kind is OutcomeKind.QUOTA_EXHAUSTED:
        expected = (finding.limits[0].reset_at - clock.now()).total_seconds()
        assert finding.retry_after == pytest.approx(expected, abs=5)


async def test_a_token_in_a_buckets_name_is_not_shown(file: Path) -> None:
    write(file, access_token=TOKEN, expiry_date=FOREVER)
    echo = answer({"buckets": [{"modelId": f"m {TOKEN}", "remainingFraction": 0.5}]})
    answers = by_path(loadCodeAssist=TIER, retrieveUserQuota=echo)
    finding, _ = await check(file, answers, project="p")
    assert [limit.name for limit in finding.limits] == ["***"]


async def test_an_unstated_quota_is_no_failure(file: Path) -> None:
    write(file, access_token=TOKEN, expiry_date=FOREVER)
    answers = by_path(loadCodeAssist=TIER, retrieveUserQuota=answer(status=500))
    finding, _ = await check(file, answers, project="p")
    assert (finding.kind, finding.limits) == (OutcomeKind.OK, ())


@pytest.mark.parametrize(
    "nonsense", [None, 3, {}, [3], [{}], [{"modelId": ""}], [{"modelId": 3, "resetTime": []}]]
)
def test_buckets_of_nonsense(nonsense: Any) -> None:
    assert list(readings(nonsense, START)) == []


async def test_a_hanging_credential_file_is_reported_and_delays_no_other(
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "oauth_creds.json"
    os.mkfifo(pipe)
    answers = by_path(loadCodeAssist=TIER)
    try:
        finding, asked = await check(pipe, answers, project="p")
        assert "oauth_creds.json hung" in finding.message
        assert asked == []
    finally:
        for _ in range(3):  # let the threads that read it end
            with suppress(OSError):
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
