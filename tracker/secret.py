"""Keys that cannot be shown by accident, and the mask for text that may hold one."""

import base64
import re
from collections.abc import Iterable
from typing import NoReturn
from urllib.parse import quote, quote_plus

import attrs

MASK = "***"


@attrs.frozen(repr=False, str=False, eq=False)
class Secret:
    """A key. Only ``reveal`` gives it; repr, str, format, pickle and JSON do not."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


class Mask:
    """Replaces every known secret in a text, also where it stands url-encoded or in base64."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret.reveal()) if form}
        # Longest first: a key that begins with another key must not leave its tail behind.
        alternatives = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._pattern = re.compile(alternatives) if alternatives else None

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _forms(value: str) -> set[str]:
    raw = value.encode()
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    # Inside a longer base64 text the key starts at one of three offsets; its middle is the same.
    for lead in (b"\0", b"\0\0"):
        encoded.add(base64.b64encode(lead + raw).decode()[4:-4])
    return {
        value,
        quote(value, safe=""),
        quote_plus(value),
        value.encode("unicode_escape").decode(),
        *(form.rstrip("=") for form in encoded if len(form) >= 8),
    }
