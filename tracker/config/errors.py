"""Mistakes in a configuration, described without showing a secret."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from tracker.core.redaction import MASK, Mask, Secret

SHOWN = 60  # characters of a value: enough to recognise it

_SECRET_NAME = re.compile(r"key|token|secret|passw|credential|authoriz", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_KNOWN_PREFIX = re.compile(
    r"(sk|gsk|csk|pk|rk|hf|fw|r8|tgp|xai|nvapi|ghp|key)[-_](?=.*\d)|AIza|AKIA|ya29|eyJ"
)
SHORTEST_KEY = 20  # characters, with the vendor's prefix
_TOKEN = re.compile(r"[\w-]{8,}")


@attrs.frozen(kw_only=True)
class ConfigProblem:
    """One mistake to correct.

    key: where, as in TOML (``tracker.interval_seconds``), or the name of a variable; "" for the
    whole file. value: as it may be shown. allowed: what would be valid. nearest: the known name
    that was perhaps meant.
    """

    key: str
    problem: str
    value: str | None = None
    allowed: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        where = self.key if self.value is None else f"{self.key} = {self.value}"
        text = f"{where}: {self.problem}" if where else self.problem
        if self.allowed is not None:
            text += f"; allowed: {self.allowed}"
        if self.nearest is not None:
            text += f"; did you mean {self.nearest}?"
        return text


class ConfigError(Exception):
    """The configuration cannot be used; ``mistakes`` lists every reason."""

    def __init__(self, mistakes: Iterable[ConfigProblem], source: str | None = None) -> None:
        self.mistakes = tuple(mistakes)
        self.source = source
        super().__init__(self.mistakes, source)

    def __str__(self) -> str:
        count = "1 mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        head = f"{self.source or 'configuration'}: {count}"
        return "\n".join([head, *(f"  {mistake}" for mistake in self.mistakes)])


class UnreadableError(ConfigError):
    """The file could not be read at all; a later attempt may succeed."""


def format_key_path(path: Iterable[object]) -> str:
    """Format a key path as TOML writes it: ``providers."my gpu".recheck_seconds[1]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + _bare_or_quoted(str(part))
    return text


def _bare_or_quoted(name: str) -> str:
    return without_secrets(name) if re.fullmatch(r"[A-Za-z0-9_-]+", name) else format_value(name)


def format_value(value: object, name: str = "") -> str:
    """Format a value on one line, at most ``SHOWN`` characters; masked where it may be a secret.

    name: the key it stands under; a name like api_key hides whatever it is, but a name ending in
    _env is followed by a variable's name.
    """
    if names_secret(name):
        return MASK
    text = f'"{value}"' if isinstance(value, str) else _plain(value)
    text = without_secrets("".join(map(_visible, text)))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def format_url(url: str) -> str:
    """Format a URL as ``shown`` shows it.

    Without what may hold a password or key: user and query.
    """
    return MASK if set(url) & set("@?#") else format_value(url)


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    too_long = isinstance(value, int) and value.bit_length() > 256  # str() refuses 4,301 digits
    return "a number of more than 77 digits" if too_long else str(value)


def names_secret(name: str) -> bool:
    """Return whether a key of this name holds a secret, going by the name."""
    return bool(_SECRET_NAME.search(name)) and not name.endswith(("_env", "_file", "_url", "_path"))


def without_secrets(text: str) -> str:
    """Return the text with everything masked that looks like a key."""
    return _TOKEN.sub(lambda token: MASK if looks_secret(token[0]) else token[0], text)


def without_known_keys(text: str) -> str:
    """Mask everything in a text that begins like a vendor's key and is as long as one."""
    return _TOKEN.sub(
        lambda token: MASK if _is_known_key(token[0]) else token[0],
        text,
    )


def _is_known_key(word: str) -> bool:
    return len(word) >= SHORTEST_KEY and _KNOWN_PREFIX.match(word) is not None


def holds_secret(text: str) -> bool:
    """Return whether the text has a part that would be masked before it is shown."""
    return without_secrets(text) != text


def looks_secret(word: str) -> bool:
    """Return whether a word looks like a key.

    A vendor's prefix, or long with letters and digits mixed.
    """
    if is_variable(word):
        return False
    mixed = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    return bool(_KNOWN_PREFIX.search(word)) or (len(word) >= 20 and mixed) or len(word) >= 40


def is_variable(name: str) -> bool:
    """Return whether it is written like a variable of the environment: GROQ_API_KEY."""
    return _VARIABLE.fullmatch(name) is not None


def environment_mask(environ: Mapping[str, Any]) -> Mask:
    """Return a mask for the values of all variables that are named like secrets."""
    values = (str(value) for name, value in environ.items() if names_secret(name))
    return Mask(Secret(value) for value in values if len(value) >= 8)
