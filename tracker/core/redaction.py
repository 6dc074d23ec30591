"""Keys that cannot be shown by accident, and the mask for text that may contain one."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from tracker.core.loose_forms import LooseForms

MASK = "***"
SHORTEST = 4  # characters; masking a shorter "key" would only make every text unreadable
# In a URL's path or query: "hook", "notifications", "mode"; a token is longer or has digits.
_ORDINARY = re.compile(r"[a-z_.-]{0,15}|.{0,5}")
SHORTEST_BASE64 = 8  # shorter pieces of base64 also occur in ordinary words


class Secret:
    """A key. Only ``reveal`` gives it; repr, str, format, pickle and JSON do not.

    Not an attrs class, because attrs.asdict and msgspec read their fields.
    """

    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """Return the value itself, for a header or body that is sent; never for a text shown."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _: str) -> str:
        return MASK

    def __setattr__(self, name: str, _: object) -> NoReturn:
        raise AttributeError(f"a secret cannot be changed: {name}")

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _: Any) -> "Secret":
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


class Mask:
    """Replaces every known secret in a text: plain, escaped, URL-encoded or in base64, and parts of
    twelve characters or more in any case, spaced out, backwards or in hex.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self.secrets = tuple(secrets)
        values = {secret.reveal() for secret in self.secrets}
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        # Longest first: when one key starts with another, its tail must be masked too.
        alternatives = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._pattern = re.compile(alternatives) if alternatives else None
        self._loose = LooseForms(values)

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._loose.mask(self._pattern.sub(MASK, text), MASK)

    def may_hide(self, text: str) -> bool:
        """Return quickly whether there may be something to mask, for long texts."""
        return self._pattern is not None and (
            self._loose.are_in(text) or self._pattern.search(text) is not None
        )


@lru_cache(maxsize=1)
def mask_of(secrets: tuple[Secret, ...]) -> Mask:
    """Return the mask of these secrets. The last one is kept, for it takes 0.3 ms for each."""
    return Mask(secrets)


def url_secrets(url: Secret) -> tuple[Secret, ...]:
    """Return the parts of a secret URL that must not be shown alone either.

    Chat services carry tokens in place of user, host, path and query. A host that looks like one
    is no secret, nor is an ordinary word: masking those would make every other text unreadable.
    """
    rest = url.reveal().partition("://")[2]
    place, _, tail = re.sub("[/?#]", "\n", rest, count=1).partition("\n")
    user, _, host = place.rpartition("@")
    tokens = [word for word in re.split("[/?&=#]", tail) if not _ORDINARY.fullmatch(word)]
    if "." not in host and not host.lower().startswith(("localhost", "[")):
        tokens.append(host)
    words = (rest, *(word for word in user.split(":") if len(word) >= SHORTEST), *tokens)
    return (url, *map(Secret, words))


def _forms(value: str) -> Iterator[str]:
    raw = value.encode(errors="surrogateescape")
    yield value
    yield from (html.escape(value), repr(value)[1:-1], ascii(value)[1:-1], repr(raw)[2:-1])
    yield from (json.dumps(value)[1:-1], json.dumps(value).replace("/", "\\/")[1:-1])
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield from _url_forms(raw)
    yield from (form for form in _base64_forms(raw) if len(form) >= SHORTEST_BASE64)


def _url_forms(raw: bytes) -> Iterator[str]:
    for form in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield form
        yield re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), form)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Return the Base64 forms: the whole one, and the characters that no neighbour changes.

    Inside a longer text the key begins at one of three offsets; six bits make a character.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for lead in range(3):
            first, last = -(-8 * lead // 6), 8 * (lead + len(raw)) // 6
            yield encode(bytes(lead) + raw).decode()[first:last]
