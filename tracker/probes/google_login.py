"""The Gemini CLI's login: its credential file is only read; tokens are refreshed in memory."""

import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.patient_reader import READ_SECONDS, HangsError, read_bytes, read_patiently
from tracker.core.redaction import Secret
from tracker.core.threads import in_thread
from tracker.probes.http.fetch import Request
from tracker.probes.http.response import BoundedResponse, parse_json
from tracker.probes.limits.values import DAY, amount
from tracker.probes.messages import printable
from tracker.probes.session import Session

SIZE = 64 * 1024  # bytes read of the file; a real one has under 3 kB
EARLY = 60.0  # a token is renewed this many seconds before it expires
LIFE = 3600.0  # seconds a new token lasts when Google does not say
# Hex parts, as the CLI writes with GEMINI_FORCE_ENCRYPTED_FILE_STORAGE: vector, tag, text.
_ENCRYPTED = re.compile(rb"\s*[0-9a-fA-F]{8,}:[0-9a-fA-F]{8,}:[0-9a-fA-F]+\s*")
AGAIN = "log in again with the Gemini CLI"
# A refresh must name the OAuth client that got the token. The file does not contain it, and we may
# not ship the CLI's own.
CLIENT = ("client_id", "client_secret")
_CLIENT = (
    "set GEMINI_CLI_CLIENT_ID and GEMINI_CLI_CLIENT_SECRET, or run the Gemini CLI, "
    "which renews its file"
)
_REFUSALS = {
    "invalid_grant": f"revoked or expired, {AGAIN}",
    "invalid_client": _CLIENT,
    "invalid_request": _CLIENT,
    "unauthorized_client": _CLIENT,
}


@attrs.frozen(kw_only=True)
class Login:
    """A token and how to renew it. expires: epoch seconds. fresh: we have just renewed it."""

    token: Secret
    refresh: Secret | None
    expires: float
    fresh: bool = False

    def good_at(self, now: datetime) -> bool:
        """Return whether the token can be used: it is there, and not about to expire."""
        return bool(self.token.reveal()) and self.expires - EARLY > now.timestamp()


class LoginError(Exception):
    """The file contains no usable login; the text says why and what to do."""


async def access_token(session: Session) -> Login | CheckResult:
    """Return a login whose token is good now, renewed if it must be; or why there is none."""
    try:
        file = session.option("credential_file")
        login = await _read_in_time(file)
    except LoginError as error:
        message = printable(str(error), session.secrets.mask)
        return CheckResult(kind=OutcomeKind.AUTH, message=message, facts=Facts(authenticated=False))
    kept: Login | None = session.memory.get("login")
    if kept is not None and kept.refresh == login.refresh and kept.expires > login.expires:
        login = kept
    _hide(session, login.token, login.refresh)
    if login.good_at(session.clock.now()):
        return login
    return await renew_login(session, login)


async def _read_in_time(file: str) -> Login:
    """Read in time. Raises LoginError, also where the file hangs."""
    return await in_thread(
        partial(_read_login_patiently, file), expected=(LoginError,), abandon_on_cancel=True
    )


def _read_login_patiently(file: str) -> Login:
    try:
        return read_patiently(file, partial(read_login, file), 2 * READ_SECONDS, reader=read_login)
    except HangsError:
        message = f"reading the credential file {file} hung for more than {READ_SECONDS:g} s"
        raise LoginError(message) from None


def read_login(file: str) -> Login:
    """Read the login that Google's command line keeps in a file. Raises LoginError."""
    try:
        content = read_bytes(Path(file).expanduser(), SIZE)
    except HangsError:
        raise
    except FileNotFoundError:
        raise LoginError(_why_missing(file)) from None
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no home folder for "~"
        reason = getattr(error, "strerror", None) or "not a valid path"
        raise LoginError(f"credential file {file} cannot be read: {reason}") from None
    if _ENCRYPTED.fullmatch(content):
        raise LoginError(
            f"credential file {file} is encrypted: log in without "
            "GEMINI_FORCE_ENCRYPTED_FILE_STORAGE, or name another file"
        )
    return _login(file, parse_json(content))


def _why_missing(file: str) -> str:
    """Return why it is missing; with encrypted storage the CLI keeps the login elsewhere."""
    sealed = Path(file).expanduser().with_name("gemini-credentials.json")
    if sealed.exists():
        return (
            f"no credential file {file}: the CLI keeps its login encrypted in {sealed.name}, which "
            "cannot be read here: log in without GEMINI_FORCE_ENCRYPTED_FILE_STORAGE"
        )
    return f"no credential file {file}: {AGAIN}, or set GEMINI_CLI_OAUTH_CREDS"


def _login(file: str, value: object) -> Login:
    if not isinstance(value, dict):
        raise LoginError(f"credential file {file} is incomplete or not JSON: {AGAIN}")
    token, refresh = _text(value, "access_token"), _text(value, "refresh_token")
    if not token and not refresh:
        raise LoginError(f"credential file {file} has neither a token nor a refresh token: {AGAIN}")
    return Login(
        token=Secret(token),
        refresh=Secret(refresh) if refresh else None,
        expires=(amount(value.get("expiry_date")) or 0.0) / 1000.0,  # the file has milliseconds
    )


async def renew_login(session: Session, login: Login) -> Login | CheckResult:
    """Renew the login, kept in memory for the next checks; or return why there is none."""
    if login.refresh is None:
        message = f"the token expired and there is no refresh token: {AGAIN}"
        return CheckResult(kind=OutcomeKind.AUTH, message=message, facts=Facts(authenticated=False))
    reply = await session.send(_refresh_request(session, login.refresh))
    if reply.status in {400, 401}:
        return _not_renewed(session, reply)
    if (refusal := session.find_refusal(reply)) is not None:
        return refusal
    return _read_renewed(session, login, reply)


def _refresh_request(session: Session, refresh: Secret) -> Request:
    form = {"grant_type": "refresh_token", "refresh_token": refresh.reveal()}
    form |= {name: session.option(name) for name in CLIENT}
    return Request(
        method="POST",
        url=session.endpoint.url(session.endpoint.place("token_url", "token_path")),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        content=urlencode({name: value for name, value in form.items() if value}).encode(),
    )


def _not_renewed(session: Session, reply: BoundedResponse) -> CheckResult:
    body: dict[str, Any] = reply.json if isinstance(reply.json, dict) else {}
    reason = _text(body, "error") or "no reason was given"
    told = _REFUSALS.get(reason, reason)
    facts = Facts(reachable=True, authenticated=False)
    return session.make_result(
        reply, OutcomeKind.AUTH, f"the refresh token was refused: {told}", facts
    )


def _read_renewed(session: Session, login: Login, reply: BoundedResponse) -> Login | CheckResult:
    body: dict[str, Any] = reply.json if isinstance(reply.json, dict) else {}
    token, seconds = _text(body, "access_token"), amount(body.get("expires_in"))
    if not token:
        return session.reject_shape(reply, "it contains no token")
    life = LIFE if seconds is None else min(seconds, DAY)
    new = Login(
        token=Secret(token),
        refresh=login.refresh,
        expires=session.clock.now().timestamp() + life,
        fresh=True,
    )
    session.memory["login"] = attrs.evolve(new, fresh=False)
    _hide(session, new.token, new.refresh, login.token)
    return new


def _hide(session: Session, *secrets: Secret | None) -> None:
    client = Secret(session.option("client_secret"))
    session.secrets.learn(*(one for one in (*secrets, client) if one is not None))


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
