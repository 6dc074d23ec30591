"""Validating a provider's settings beyond their types; each check yields mistakes."""

import errno
import re
import ssl
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from tracker.config.catalogue import ApiKind, is_secret_option, secret_variables
from tracker.config.errors import ConfigProblem, format_key_path, format_url, format_value
from tracker.config.schema import ProviderTable
from tracker.core.addresses import url_problem
from tracker.core.patient_reader import read_patiently
from tracker.core.settings import Provider

NAME_LENGTH = 100


def check_name(name: str) -> Iterator[ConfigProblem]:
    """Check a name, which stands in paths of our API, in tables and in logs."""
    if not _is_name(name):
        yield ConfigProblem(
            key=format_key_path(("providers", name)),
            problem="not a valid name for a provider",
            allowed=f"1 to {NAME_LENGTH} printable characters, no slashes, no blank at either end",
        )


def _is_name(name: str) -> bool:
    clean = name.isprintable() and name == name.strip() and not set(name) & {"/", "\\"}
    return clean and 1 <= len(name) <= NAME_LENGTH and name not in {".", ".."}


def check_settings(
    provider: Provider, own: ProviderTable, dialect: ApiKind
) -> Iterator[ConfigProblem]:
    """Check all of a provider's own settings except name, kind and timing."""
    path = ("providers", provider.name)
    if provider.check not in dialect.checks:
        yield one_of((*path, "check"), provider.check, dialect.checks)
    elif provider.check == "chat" and provider.model is None and _has_no_list(provider, dialect):
        yield ConfigProblem(
            key=format_key_path((*path, "check")),
            value=format_value("chat"),
            problem="a completion needs a model, and this kind has no model list to choose from",
            allowed="chat together with model =",
        )
    if dialect.options:  # an unknown kind has none
        for option, value in (own.options or {}).items():
            yield from _check_option((*path, "options", option), value, dialect)
    # A proxy is usually in a private network.
    if own.proxy and (problem := url_problem(own.proxy, allow_private=True)):
        yield ConfigProblem(
            key=format_key_path((*path, "proxy")), value=format_url(own.proxy), problem=problem
        )
    if own.ca_file and (problem := _certificate_problem(own.ca_file)):
        value = format_value(own.ca_file)
        yield ConfigProblem(key=format_key_path((*path, "ca_file")), value=value, problem=problem)


def _has_no_list(provider: Provider, dialect: ApiKind) -> bool:
    return bool(dialect.options) and not provider.options.get("models_path")


def one_of(path: Iterable[object], value: str, choices: Iterable[str]) -> ConfigProblem:
    """Describe a value that is none of the choices, with the nearest one."""
    choices = tuple(choices)
    close = get_close_matches(value, choices, n=1)
    return ConfigProblem(
        key=format_key_path(path),
        value=format_value(value),
        problem="unknown",
        allowed=", ".join(choices),
        nearest=close[0] if close else None,
    )


def _check_option(
    path: tuple[str, ...], value: object, dialect: ApiKind
) -> Iterator[ConfigProblem]:
    name = path[-1]
    settable = settable_options(dialect)
    if variable := secret_variables(dialect.name).get(name):
        yield ConfigProblem(
            key=format_key_path(path),
            problem="secrets must not be written in this file (value not shown)",
            allowed=f"put it into the variable {variable}",
        )
    elif name not in settable:
        close = get_close_matches(name, settable, n=1)
        yield ConfigProblem(
            key=format_key_path(path),
            problem=f"the kind {dialect.name} has no such option",
            allowed=", ".join(settable),
            nearest=close[0] if close else None,
        )
    elif problem := _option_problem(name, value, dialect.options[name]):
        yield ConfigProblem(
            key=format_key_path(path), value=format_value(value, name), problem=problem
        )


def settable_options(dialect: ApiKind) -> list[str]:
    """Return the options a file may set: no headers, secrets or URLs."""
    names = (name for name in dialect.options if not is_secret_option(name))
    return [name for name in names if name != "headers" and not name.endswith("_url")]


def _option_problem(name: str, value: object, default: object) -> str | None:
    if isinstance(default, int | float):
        usable = (
            isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e9
        )
        return None if usable else "must be a number from 0 to 1,000,000,000"
    if not isinstance(value, str) or not value.isprintable() or len(value) > 1000:
        return "must be a string without control characters"
    if name.endswith("path") and not re.match(r"[/:]", value):
        return "must start with / (it is appended to base_url)"
    if name.startswith("auth_") and not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*", value):
        return "must be a header name or a word, in ASCII"
    return None


def _certificate_problem(path: str) -> str | None:
    try:
        read_patiently(path, partial(_load_certificates, path), reader=_certificate_problem)
    except ssl.SSLError:
        return "the file has no certificate in PEM format"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or 'not a file name'}"
    return None


def _load_certificates(path: str) -> None:
    if Path(path).is_fifo():  # reading it might never end
        raise OSError(errno.EINVAL, "it is a named pipe")
    ssl.create_default_context(cafile=path)
