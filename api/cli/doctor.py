"""``doctor``: find problems that would affect a tracker here, and say what to do."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs
from rich.console import Group, RenderableType
from rich.text import Text

from api.cli import diagnostics as examining
from api.cli.cluster_diagnostics import cluster
from api.cli.diagnostics import Diagnostic
from api.cli.errors import ExitCode
from api.cli.options import AsJson, ConfigFile, Database, Host, Port
from api.cli.sheet import table
from api.cli.terminal import show
from tracker.config import DOTENV, read_config
from tracker.config.catalogue import load_catalogue
from tracker.config.environment import Environment, discover, read_environment
from tracker.config.errors import ConfigError
from tracker.core.settings import Config
from tracker.ranking import PolicyError, load_policy
from tracker.runtime.logs import configure_logs

# Somebody who can set these for a process could send every key to another server.
IGNORED = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
MARKS = {"ok": ("●", "green"), "note": ("○", "bright_black"), "problem": ("■", "red")}

UNKNOWN = Diagnostic(
    "configuration",
    "note",
    "providers, disk, database and port are not checked before this is fixed",
)


async def doctor(
    *,
    config: ConfigFile = None,
    database: Database = None,
    host: Host = None,
    port: Port = None,
    json: AsJson = False,
) -> int:
    """Look for problems on this machine that would affect a tracker.

    Checks configuration, environment, DNS, clock, disk, permissions and port. Sends nothing to
    providers and changes nothing. Exits 1 when there is a problem.
    """
    configure_logs(level="error")
    environment = read_environment(os.environ, DOTENV)
    settings, symptoms = _configuration(config, database, host, port)
    if settings is None:
        symptoms += [*_report_warnings(environment.warnings), *examining.clock(None), UNKNOWN]
    else:
        symptoms += _environment(settings, environment)
        symptoms += await _machine(settings)
    problems = sum(symptom.level == "problem" for symptom in symptoms)
    document = {"problems": problems, "symptoms": [attrs.asdict(one) for one in symptoms]}
    show(document, _table(symptoms), as_json=json)
    return ExitCode.OK if not problems else ExitCode.NOTHING_USABLE


def _configuration(
    file: Path | None, database: str | None, host: str | None, port: int | None
) -> tuple[Config | None, list[Diagnostic]]:
    """Return the settings to look at.

    None where they are wrong: the defaults' problems are not theirs.
    """
    try:
        settings = read_config(file, database=database, host=host, port=port)
        load_policy(settings.ranking.policy, settings.ranking)
    except ConfigError as error:
        hint = "correct the file; `provider-status config schema` lets an editor check it"
        wrong = [Diagnostic("configuration", "problem", str(m), hint) for m in error.mistakes]
        return None, wrong
    except PolicyError as error:
        hint = "choose a shipped policy, or put the module on Python's path"
        return settings, [Diagnostic("configuration", "problem", str(error), hint)]
    where = settings.source or "no file: defaults and environment"
    return settings, [Diagnostic("configuration", "ok", where)]


def _environment(settings: Config, environment: Environment) -> list[Diagnostic]:
    found = [*_check_watched(settings)]
    if settings.discover:
        left = [f for f in discover(load_catalogue(), environment.variables) if not f.provider]
        missing = ", ".join(f.missing[0] for f in left if f.missing)
        if missing:
            found.append(Diagnostic("environment", "note", f"not set: {missing}"))
    found += _report_warnings((*settings.warnings, *environment.warnings))
    found += _check_ignored_variables(environment.variables)
    if settings.server.admin_token is None:
        variable = settings.server.admin_token_env
        hint = f"without {variable}, checks on request and tuning are not possible"
        found.append(Diagnostic("environment", "note", hint))
    return found


def _check_ignored_variables(variables: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Name the proxy and certificate variables that are set, as checks ignore them."""
    if found := [name for name in IGNORED if name in variables or name.lower() in variables]:
        hint = "use proxy = and ca_file = of a provider instead"
        told = f"{', '.join(found)}: ignored on purpose; {hint}"
        yield Diagnostic("environment", "note", told)


def _report_warnings(warnings: Iterable[str]) -> Iterator[Diagnostic]:
    for warning in dict.fromkeys(warnings):
        told, _, hint = warning.partition(": ")
        yield Diagnostic("permissions", "problem", told, hint or "fix it")


def _check_watched(settings: Config) -> Iterator[Diagnostic]:
    """Report which providers serve would watch; having only keyless ones is worth a warning."""
    for provider in settings.providers:
        by = ", ".join(provider.key_names) or "needs no key"
        off = "" if provider.enabled else "; switched off (enabled = false)"
        yield Diagnostic("provider", "ok", f"{provider.name}: {by}{off}")
    if not settings.providers:
        hint = "set a key, for example GROQ_API_KEY, in the environment or in .env"
        yield Diagnostic("provider", "problem", "no provider is configured", hint)


async def _machine(settings: Config) -> list[Diagnostic]:
    database = Path(settings.database)
    exposed = [
        *examining.permissions(database)
    ]  # before the others: reading the database creates companion files
    said, newest = await examining.state(database)
    return [
        *await examining.names(settings.providers),
        *examining.clock(newest),
        *examining.disk(database),
        *said,
        *exposed,
        *[symptom async for symptom in examining.port(settings.server)],
        *await cluster(settings),
    ]


def _table(symptoms: list[Diagnostic]) -> RenderableType:
    shown = table("", "area", "found", "what to do")
    for one in symptoms:
        shape, colour = MARKS[one.level]
        shown.add_row(Text(shape, colour), one.area, one.found, one.hint)
    problems = sum(symptom.level == "problem" for symptom in symptoms)
    return Group(shown, Text("no problem found" if not problems else f"problems: {problems}"))
