"""[alerts]: the targets and the secret come from the environment, never from the file."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import attrs

from tracker.config.alerts_schema import AlertsTable
from tracker.config.errors import ConfigProblem
from tracker.core.addresses import is_loopback_host
from tracker.core.redaction import Secret
from tracker.core.settings import AlertSettings, AlertTarget

MOST_TARGETS = 100
# A scheme, and something after it; only the service can check the rest.
_TARGET = re.compile(r"[A-Za-z][A-Za-z0-9.+-]*://[^\s]+")
_WEBHOOKS = frozenset({"webhook+http", "webhook+https"})
_SENDABLE = re.compile(r"[\x21-\x7e]+")


@attrs.frozen(kw_only=True)
class ResolvedAlerts:
    settings: AlertSettings
    mistakes: tuple[ConfigProblem, ...] = ()
    warnings: tuple[str, ...] = ()


def resolve_alerts(table: AlertsTable, environ: Mapping[str, str]) -> ResolvedAlerts:
    """Read the targets and causes. A wrong target is named by its line and not shown."""
    written = {field.name: getattr(table, field.name) for field in attrs.fields(AlertsTable)}
    given = {name: value for name, value in written.items() if value is not None}
    settings = AlertSettings(**given)
    urls = environ.get(settings.targets_env, "").split()
    secret = environ.get(settings.secret_env, "").strip()
    mistakes = [*_mistakes(settings.targets_env, urls), *_secret_mistakes(settings, secret)]
    if mistakes:
        return ResolvedAlerts(settings=settings, mistakes=tuple(mistakes))
    settings = attrs.evolve(
        settings, targets=tuple(_name_targets(urls)), secret=Secret(secret) if secret else None
    )
    return ResolvedAlerts(settings=settings, warnings=tuple(_warnings(settings)))


def _name_targets(urls: list[str]) -> Iterator[AlertTarget]:
    """Name targets by scheme and number: hosts and users of chat services are tokens."""
    numbers = Counter[str]()
    for url in dict.fromkeys(urls):
        scheme = urlsplit(url).scheme.lower()
        scheme = "webhook" if scheme in _WEBHOOKS else scheme
        numbers[scheme] += 1
        yield AlertTarget(name=f"{scheme} {numbers[scheme]}", url=Secret(url))


def _mistakes(variable: str, urls: list[str]) -> Iterator[ConfigProblem]:
    if len(urls) > MOST_TARGETS:
        many = f"{len(urls):,} targets"
        yield ConfigProblem(key=variable, problem=many, allowed=f"at most {MOST_TARGETS}")
        return
    for line, url in enumerate(urls, start=1):
        if problem := _url_problem(url):
            yield ConfigProblem(key=f"{variable}, target {line} (not shown)", problem=problem)


def _url_problem(url: str) -> str | None:
    if not _TARGET.fullmatch(url) or not _SENDABLE.fullmatch(url):
        return "it must be a URL in printable ASCII, for example slack://… or webhook+https://…"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    scheme = parts.scheme.lower()
    if scheme in {"http", "https"}:
        return f"for a webhook, write webhook+{scheme}://"
    if scheme not in _WEBHOOKS:
        return None
    if not host:
        return "the URL has no host"
    if parts.username or parts.password:
        return "a webhook must not have a user and password: messages are signed instead"
    if scheme == "webhook+http" and not is_loopback_host(host):
        return "webhook+http:// is only allowed to this machine; use webhook+https://"
    return None


def _secret_mistakes(settings: AlertSettings, secret: str) -> Iterator[ConfigProblem]:
    body = secret.removeprefix("whsec_")
    decodes = len(body) % 4 == 0 and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", body)
    if secret and not decodes:
        yield ConfigProblem(
            key=settings.secret_env,
            problem="not a Standard Webhooks secret (value not shown)",
            allowed="whsec_ and base64, for example from `echo whsec_$(openssl rand -base64 24)`",
        )


def _warnings(settings: AlertSettings) -> Iterator[str]:
    unsigned = [t.name for t in settings.targets if t.name.startswith("webhook ")]
    if unsigned and settings.secret is None:
        yield f"{settings.secret_env} is not set: {', '.join(unsigned)} will get unsigned messages"
