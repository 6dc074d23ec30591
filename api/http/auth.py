"""Access control: tokens, host names, and requests sent from other sites."""

import base64
import binascii
import hmac
import re
from hashlib import sha256
from urllib.parse import urlsplit

import attrs

from api.http.problems import Problem
from tracker.core.addresses import is_loopback_host
from tracker.core.redaction import Secret
from tracker.core.settings import Config, ServerSettings

REALM = 'realm="provider status"'
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s\[\]/?#@:]*))(?::\d*)?")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_token(given: str | None, secret: Secret) -> bool:
    """Compare in constant time, whatever the lengths: only digests are compared."""
    if given is None:
        return False
    digests = (sha256(text).digest() for text in (_raw(given), secret.reveal().encode()))
    return hmac.compare_digest(*digests)


def bearer(authorization: str | None) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header, None for any other scheme."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def basic_password(authorization: str | None) -> str | None:
    """Return the password of a Basic header: browsers cannot send a bearer token for a page."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(_raw(encoded.strip()), validate=True)
    except binascii.Error:
        return None
    return pair.partition(b":")[2].decode("latin-1")


def require_admin(settings: ServerSettings, authorization: str | None) -> None:
    """Raise Problem: 403 with no token set, 401 without the right one."""
    if settings.admin_token is None:
        raise Problem(
            status=403,
            title="No admin token is set",
            detail=f"set the environment variable {settings.admin_token_env} to a long random "
            "text, restart, and send it as 'Authorization: Bearer TOKEN'",
        )
    if not is_token(bearer(authorization), settings.admin_token):
        raise Problem(
            status=401,
            detail="this needs the admin token: 'Authorization: Bearer TOKEN'",
            headers=(("WWW-Authenticate", f"Bearer {REALM}"),),
        )


def require_reporter(config: Config, authorization: str | None) -> None:
    """Raise Problem: 403 with neither the report nor the admin token set, 401 without one."""
    tokens = [t for t in (config.reports.token, config.server.admin_token) if t is not None]
    if not tokens:
        raise Problem(
            status=403,
            title="No report token is set",
            detail=f"set the environment variable {config.reports.token_env} to a long random "
            "text, restart, and send it as 'Authorization: Bearer TOKEN'",
        )
    if not sum(is_token(bearer(authorization), token) for token in tokens):
        raise Problem(
            status=401,
            detail="this needs the report token: 'Authorization: Bearer TOKEN'",
            headers=(("WWW-Authenticate", f"Bearer {REALM}"),),
        )


def require_reader(settings: ServerSettings, authorization: str | None) -> None:
    """Return where a read token is set. Raises Problem: 401 when neither token is given."""
    given = bearer(authorization) or basic_password(authorization)
    tokens = [t for t in (settings.read_token, settings.admin_token) if t is not None]
    if not sum(
        is_token(given, token) for token in tokens
    ):  # compare all of them, so that the time reveals nothing
        raise Problem(
            status=401,
            detail="this needs the read token: 'Authorization: Bearer TOKEN', "
            "or in a browser as the password of any user",
            headers=(
                ("WWW-Authenticate", f"Bearer {REALM}"),
                ("WWW-Authenticate", f'Basic {REALM}, charset="UTF-8"'),
            ),
        )


@attrs.frozen
class AllowedHosts:
    """The host names this server answers to; None: any.

    A page of another site can make its own name resolve to this machine (DNS rebinding), but the
    browser then sends that name.
    """

    names: frozenset[str] | None

    @classmethod
    def of(cls, settings: ServerSettings) -> "AllowedHosts":
        """Allow the configured names and loopback; all for ``*`` or an unnamed public bind."""
        if "*" in settings.allowed_hosts:
            return cls(None)
        if not settings.allowed_hosts and not is_loopback_host(settings.host):
            return cls(None)  # a public bind: we cannot know its names
        own = {name.lower().rstrip(".") for name in (*settings.allowed_hosts, settings.host)}
        return cls(LOOPBACK_NAMES | own)

    def allow(self, host_header: str) -> bool:
        """Return whether a ``Host`` header names us; its port is ignored."""
        return self.names is None or host_name(host_header) in self.names


def host_name(host_header: str) -> str:
    """Return the host without port, brackets and final dot; empty for an invalid one."""
    found = _HOST.fullmatch(host_header)
    return (found[1] or found[2]).lower().rstrip(".") if found else ""


def refuse_cross_site(host: str, origin: str | None, site: str | None) -> None:
    """Raise Problem, 403, for an unsafe request that another site's page sent."""
    foreign = origin is not None and _netloc(origin) != host.lower()
    if foreign or site not in (None, "same-origin", "none"):
        raise Problem(
            status=403,
            title="Cross-site request refused",
            detail="only this server's own pages and programs (not other sites) may make changes",
        )


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _raw(header: str) -> bytes:
    """Return a header's bytes, which WSGI and ASGI frameworks show as latin-1."""
    return header.encode("latin-1", "replace")
