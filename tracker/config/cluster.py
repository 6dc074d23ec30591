"""[cluster]: the hub's URL comes from the environment; a remote hub must be verified by TLS."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import attrs

from tracker.config.cluster_schema import ClusterTable
from tracker.config.errors import ConfigError, ConfigProblem
from tracker.core.addresses import is_loopback_host
from tracker.core.redaction import Secret
from tracker.core.settings import ClusterSettings

SCHEMES = frozenset({"postgres", "postgresql"})
EXAMPLE = "postgresql://tracker:PASSWORD@db.example.com/status?sslmode=verify-full"


def resolve_cluster(
    table: ClusterTable | None, environ: Mapping[str, str]
) -> tuple[ClusterSettings | None, tuple[ConfigProblem, ...]]:
    """Read how this tracker is one of many; None without [cluster]. The URL is never shown."""
    if table is None:
        return None, ()
    written = {field.name: getattr(table, field.name) for field in attrs.fields(ClusterTable)}
    given: dict[str, Any] = {name: value for name, value in written.items() if value is not None}
    settings = ClusterSettings(**{"url": Secret(""), "vantage": "", **given})
    url = environ.get(settings.url_env, "").strip()
    mistakes = tuple(_mistakes(settings, url))
    if mistakes:
        return None, mistakes
    return attrs.evolve(settings, url=Secret(url)), ()


def check_driver(settings: ClusterSettings | None) -> None:
    """Raise ConfigError where [cluster] is configured and its extra is not installed."""
    if settings is not None and find_spec("psycopg") is None:
        problem = "the PostgreSQL driver is not installed"
        extra = "pip install 'provider-status-tracker[server,postgres]'"
        raise ConfigError([ConfigProblem(key="cluster", problem=problem, allowed=extra)])


def _mistakes(settings: ClusterSettings, url: str) -> Iterator[ConfigProblem]:
    if not settings.vantage:
        yield ConfigProblem(
            key="cluster.vantage",
            problem="missing or not valid",
            allowed="a short name for the place from which this tracker checks, for example eu-1",
        )
    if not url:
        unset = f"{settings.url_env} is not set"
        yield ConfigProblem(key="cluster.url_env", problem=unset, allowed=EXAMPLE)
    elif problem := _url_problem(url):
        yield ConfigProblem(key=f"{settings.url_env} (not shown)", problem=problem, allowed=EXAMPLE)


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        hosts = list(_hosts(parts))
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in SCHEMES:
        return "it is not a PostgreSQL URL"
    if not parts.path.strip("/"):
        return "it does not name a database"
    mode = parse_qs(parts.query).get("sslmode", [""])[-1]
    if mode != "verify-full" and not all(_is_here(host) for host in hosts):
        return (
            "the hub is on another machine, and by default neither encryption nor the server's "
            "identity is verified: add sslmode=verify-full (and sslrootcert=system or a file)"
        )
    return None


def _hosts(parts: SplitResult) -> Iterator[str]:
    """Yield the hosts: several may stand where one does, and in the query."""
    place = parts.netloc.rpartition("@")[2]
    query = parse_qs(parts.query)
    named = [*query.get("host", []), *query.get("hostaddr", [])]
    for host in (*place.split(","), *(each for word in named for each in word.split(","))):
        name = host[: host.rindex("]") + 1] if "]" in host else host.partition(":")[0]
        if name:
            yield unquote(name)


def _is_here(host: str) -> bool:
    return host.startswith("/") or is_loopback_host(host)
