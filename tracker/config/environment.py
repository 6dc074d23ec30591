"""Which providers the environment enables: matching the catalogue with variables and .env."""

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import attrs
from dotenv import dotenv_values

from tracker.config.catalogue import CatalogueEntry, is_secret_option, secret_variables
from tracker.config.errors import ConfigProblem, format_key_path, format_url
from tracker.core.addresses import url_problem
from tracker.core.patient_reader import READ_SECONDS, read_bytes, read_patiently
from tracker.core.redaction import Secret
from tracker.core.settings import Provider, Timing

_SENDABLE = re.compile(r"[!-~]+")  # allowed in a header value, without blanks

# shorter ones can be guessed: a tracker answers some thousand attempts a second
SHORTEST_TOKEN = 16
LARGEST = 1_000_000  # bytes read of .env
GEMINI_HOME = "GEMINI_CLI_HOME"  # where the CLI keeps its .gemini folder instead of in HOME


@attrs.frozen(kw_only=True)
class Environment:
    """The variables in force, without empty ones. Never shown, as it contains every key."""

    variables: dict[str, str] = attrs.field(repr=False)
    warnings: tuple[str, ...] = ()
    mistakes: tuple[ConfigProblem, ...] = ()


@attrs.frozen(kw_only=True)
class DiscoveredKeys:
    """Usable keys with their variables, and what is wrong with the others."""

    secrets: tuple[Secret, ...] = ()
    names: tuple[str, ...] = ()
    mistakes: tuple[ConfigProblem, ...] = ()


@attrs.frozen(kw_only=True)
class DiscoveredProvider:
    """What the environment says about one catalogue entry.

    provider: None when it is not enabled (or a variable is wrong: see mistakes).
    variables: those that are set and used. missing: those that would enable it; any alias in
    ``entry.keys`` is enough.
    """

    entry: CatalogueEntry
    provider: Provider | None = None
    variables: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    mistakes: tuple[ConfigProblem, ...] = ()


def read_environment(environ: Mapping[str, str], dotenv: Path | None = None) -> Environment:
    """Return the environment over the ``.env`` file, blanks stripped; the file may be absent.

    A variable set to nothing in the environment also hides the file's. A mistake stands for a
    file that cannot be read, a warning for one that others can read.
    """
    values: dict[str, str | None] = {}
    warnings: tuple[str, ...] = ()
    mistakes: tuple[ConfigProblem, ...] = ()
    if dotenv is not None:
        try:
            values, warnings = read_patiently(
                dotenv.absolute(), partial(_read_dotenv, dotenv), 2 * READ_SECONDS
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            mistakes = (ConfigProblem(key=dotenv.name, problem=f"cannot be read: {reason}"),)
    stripped = {name: (value or "").strip() for name, value in {**values, **environ}.items()}
    variables = {name: value for name, value in stripped.items() if value}
    return Environment(variables=variables, warnings=warnings, mistakes=mistakes)


def _read_dotenv(path: Path) -> tuple[dict[str, str | None], tuple[str, ...]]:
    # A folder with that name is a virtual environment.
    if not path.is_file() and not path.is_fifo():
        return {}, ()
    return _dotenv_values(path), _open_to_others(path)


def _dotenv_values(path: Path) -> dict[str, str | None]:
    text = read_bytes(path, LARGEST).decode("utf-8-sig")
    # Not interpolated: a key may contain "${".
    return dotenv_values(stream=StringIO(text), interpolate=False)


def _open_to_others(path: Path) -> tuple[str, ...]:
    mode = path.stat().st_mode
    if not mode & (stat.S_IRGRP | stat.S_IROTH):
        return ()
    return (f"{path.name} contains keys and other users can read it: chmod 600 {path.name}",)


def find_keys(variables: Iterable[str], environ: Mapping[str, str]) -> DiscoveredKeys:
    """Return the keys of the first variable that is set, and its numbered ones (X, X_1, X_2, X_10).

    The same key twice counts once.
    """
    for variable in variables:
        if family := _family(variable, environ):
            return _usable(family, environ)
    return DiscoveredKeys()


def _family(variable: str, environ: Mapping[str, str]) -> list[str]:
    """Return the variable and its numbered ones that are set, in order of their numbers."""
    pattern = re.compile(re.escape(variable) + r"(?:_(\d{1,4}))?")
    matches = [match for name in environ if (match := pattern.fullmatch(name))]
    return [match[0] for match in sorted(matches, key=lambda match: int(match[1] or -1))]


def _usable(names: Iterable[str], environ: Mapping[str, str]) -> DiscoveredKeys:
    good: dict[Secret, str] = {}  # the first variable of each key
    mistakes = []
    for name in names:
        if _SENDABLE.fullmatch(environ[name]):
            good.setdefault(Secret(environ[name]), name)
        else:
            mistakes.append(unsendable(name))
    return DiscoveredKeys(secrets=tuple(good), names=tuple(good.values()), mistakes=tuple(mistakes))


def find_token(variable: str, environ: Mapping[str, str]) -> Secret | ConfigProblem | None:
    """Return a token for our own API; None where the variable is not set."""
    value = environ.get(variable, "").strip()
    if not value:
        return None
    if not _SENDABLE.fullmatch(value):
        return unsendable(variable)
    if len(value) < SHORTEST_TOKEN:
        return ConfigProblem(
            key=variable,
            problem=f"the token has fewer than {SHORTEST_TOKEN} characters (value not shown)",
            allowed="a long random text, for example from `openssl rand -hex 32`",
        )
    return Secret(value)


def unsendable(variable: str) -> ConfigProblem:
    """Describe a variable whose value cannot stand in a header, without showing it."""
    return ConfigProblem(
        key=variable,
        problem="the value has characters that cannot be sent in a header (value not shown)",
        allowed="printable ASCII without blanks; an editor may have changed a quote or dash",
    )


def discover(
    catalogue: Mapping[str, CatalogueEntry], environ: Mapping[str, str]
) -> tuple[DiscoveredProvider, ...]:
    """Return what the environment says about each entry, in the catalogue's order.

    environ: as read_environment gives it, without empty variables.
    """
    return tuple(find(entry, environ) for entry in catalogue.values())


def find(entry: CatalogueEntry, environ: Mapping[str, str]) -> DiscoveredProvider:
    """Return whether one entry is enabled, and the provider it then makes."""
    keys = find_keys(entry.keys, environ)
    base_url = environ.get(entry.base_variable)
    used = (*keys.names, *other_variables(entry, environ))
    has_key = bool(keys.names or keys.mistakes)
    missing = missing_variables(entry, environ, has_key=has_key, base_url=base_url)
    if missing:
        return DiscoveredProvider(
            entry=entry, variables=used, missing=missing, mistakes=keys.mistakes
        )
    provider = make_provider(entry, environ, keys=keys, base_url=base_url)
    mistakes = (
        *keys.mistakes,
        *check_options(entry, environ),
        *check_moved(provider, entry.base_variable),
    )
    return DiscoveredProvider(
        entry=entry,
        provider=None if mistakes else provider,
        variables=used,
        mistakes=mistakes,
    )


def check_moved(provider: Provider, key: str | tuple[str, ...]) -> Iterator[ConfigProblem]:
    """Check whether a base URL that is not the catalogue's may be asked.

    key: what set it, a variable or a path in the file.
    """
    if not provider.moved:
        return
    # A login file contains tokens, which are sent like a key.
    sends_key = bool(provider.secrets) or "credential_file" in provider.options
    allow = provider.allow_private
    if problem := url_problem(provider.base_url, allow_private=allow, sends_key=sends_key):
        key = key if isinstance(key, str) else format_key_path(key)
        yield ConfigProblem(key=key, value=format_url(provider.base_url), problem=problem)


def check_options(entry: CatalogueEntry, environ: Mapping[str, str]) -> Iterator[ConfigProblem]:
    """Check whether the options that variables set can be sent: they end in URLs and in JSON."""
    for variable in (*entry.required.values(), *entry.optional.values()):
        try:
            environ.get(variable, "").encode()
        except UnicodeEncodeError:
            yield ConfigProblem(key=variable, problem="the value is not UTF-8 (value not shown)")


def other_variables(entry: CatalogueEntry, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that are set and used, except keys."""
    others = (*entry.required.values(), *entry.optional.values(), entry.base_variable)
    return tuple(variable for variable in others if variable in environ)


def missing_variables(
    entry: CatalogueEntry, environ: Mapping[str, str], *, has_key: bool, base_url: str | None
) -> tuple[str, ...]:
    """Return what is still to be set for the entry to be watched; base_url: where it was moved."""
    missing = [] if has_key or not entry.needs_key else [entry.keys[0]]
    missing += [variable for variable in entry.required.values() if variable not in environ]
    if entry.base_url is None and base_url is None:
        missing.append(entry.base_variable)
    return tuple(missing)


def make_provider(
    entry: CatalogueEntry, environ: Mapping[str, str], *, keys: DiscoveredKeys, base_url: str | None
) -> Provider:
    """Return a provider with the catalogue's settings.

    base_url: where it is moved to, None: it stays.
    """
    options = {**entry.options, **environment_options(entry, environ)}
    return Provider(
        name=entry.name,
        kind=entry.kind,
        base_url=(base_url or fill(entry.base_url or "", options)).rstrip("/"),
        moved=base_url is not None,
        keys=keys.secrets,
        key_names=keys.names,
        check=entry.check,
        model=entry.model,
        list_public=entry.list_public,
        timing=Timing(**entry.timing),
        options=options,
        documented_limits=entry.limits,
        retiring=dict(entry.retired_models),
    )


def environment_options(
    entry: CatalogueEntry, environ: Mapping[str, str]
) -> dict[str, str | Secret]:
    """Return the options that variables set.

    Account and project ids, where a credential file is.
    """
    pairs = {**entry.required, **entry.optional}
    set_ = {option: environ[name] for option, name in pairs.items() if name in environ}
    if entry.kind == "gemini_cli" and "credential_file" not in set_ and GEMINI_HOME in environ:
        set_["credential_file"] = f"{environ[GEMINI_HOME]}/.gemini/oauth_creds.json"
    return {o: Secret(value) if is_secret_option(o) else value for o, value in set_.items()}


def secret_options(kind: str, environ: Mapping[str, str]) -> dict[str, Secret]:
    """Return the options of a kind that only variables may set, for a user's own provider."""
    pairs = secret_variables(kind).items()
    return {option: Secret(environ[name]) for option, name in pairs if name in environ}


def fill(url: str, options: Mapping[str, object]) -> str:
    """Fill each ``{option}`` into the URL, in a form that is safe for a path."""

    def fill_in(name: re.Match[str]) -> str:
        return quote(str(options[name[1]]), safe="", errors="surrogateescape")

    return re.sub(r"\{(\w+)\}", fill_in, url)
