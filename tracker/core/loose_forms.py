"""Disguised keys: in another case or width, spaced, backwards, in numbers, or a part. Pure."""

from collections.abc import Iterable
from unicodedata import normalize

# So many letters and digits in a row give part of a key away: a quarter of a usual key.
RUN = 12
# Each character by its number, as what is left of it without separators: &#115; &#x73; \x73 0x73
# \u0073.
CODES = ("{:d}", "x{:x}", "0x{:x}", "u{:04x}")
MARKS = ("&#", "\\x", "\\X", "\\u", "\\U", "0x", "0X")  # without one these are not looked for
GRAM = 6  # every run contains a piece of the key of this length; these are searched first


class LooseForms:
    """Finds runs of RUN letters and digits of any key, whatever separators stand between them."""

    def __init__(self, values: Iterable[str]) -> None:
        self._runs: dict[int, set[str]] = {}
        self._grams: set[str] = set()
        self._code_runs: dict[int, set[str]] = {}
        self._code_grams: set[str] = set()
        for value in values:
            self._add(value, RUN)
            self._add(value[::-1], RUN)
            self._add(value.encode(errors="surrogateescape").hex(), 2 * RUN)
            for code in CODES:
                self._add_codes([code.format(ord(char)) for char in value])

    def _add(self, value: str, length: int) -> None:
        exact = "".join(filter(str.isalnum, value))
        bare = _lower(exact)
        for start in range(len(bare) - length + 1):
            if not _is_ordinary(exact[start : start + length]):
                self._runs.setdefault(length, set()).add(bare[start : start + length])
        if len(bare) >= length:
            self._grams.update(bare[at : at + GRAM] for at in range(0, len(bare) - GRAM + 1, GRAM))

    def _add_codes(self, codes: list[str]) -> None:
        for start in range(len(codes) - RUN + 1):
            run = "".join(codes[start : start + RUN])
            self._code_runs.setdefault(len(run), set()).add(run)
        whole = "".join(codes)
        if len(codes) >= RUN:
            last = len(whole) - GRAM
            self._code_grams.update(whole[at : at + GRAM] for at in range(0, last + 1, GRAM))

    def are_in(self, text: str) -> bool:
        """Return quickly whether a text may hold one; a yes is wrong now and then."""
        bare = _lower("".join(filter(str.isalnum, text)))
        if _holds_any(bare, self._grams):
            return True
        return _is_coded(text) and _holds_any(bare, self._code_grams)

    def mask(self, text: str, mask: str) -> str:
        """Return the text with ``mask`` in the place of each stretch that is part of a key."""
        if not self._grams or not self.are_in(text):
            return text
        places = [place for place, char in enumerate(text) if char.isalnum()]
        bare = _lower("".join(text[place] for place in places))
        hidden = self._hidden(bare, is_coded=_is_coded(text))
        if not hidden:
            return text
        parts, end = [], 0
        for first, last in hidden:
            parts += [text[end : places[first]], mask]
            end = places[last - 1] + 1
        return "".join((*parts, text[end:]))

    def _hidden(self, bare: str, *, is_coded: bool) -> list[tuple[int, int]]:
        """Return where the runs are; those that touch are joined."""
        found: list[tuple[int, int]] = []
        lengths = [*self._runs.items(), *(self._code_runs.items() if is_coded else ())]
        for start in range(len(bare)):
            for length, runs in lengths:
                if bare[start : start + length] not in runs:
                    continue
                if found and start <= found[-1][1]:
                    found[-1] = (found[-1][0], max(found[-1][1], start + length))
                else:
                    found.append((start, start + length))
        return found


def _holds_any(bare: str, grams: set[str]) -> bool:
    """Search for the fewer in the more: a line of a log has fewer pieces than a thousand keys."""
    if len(bare) < len(grams):
        return any(bare[at : at + GRAM] in grams for at in range(len(bare) - GRAM + 1))
    return any(gram in bare for gram in grams)


def _is_coded(text: str) -> bool:
    return any(mark in text for mark in MARKS)


def _is_ordinary(run: str) -> bool:
    """Return whether it is an ordinary word: masking lower-case words would ruin other texts."""
    return run.isalpha() and run.islower()


def _lower(text: str) -> str:
    """Lower the case of each character, one character for each; fullwidth and such are plain ones.

    Names of models are compared in that form, so that keys are found in them too.
    """
    if text.isascii():
        return text.lower()
    return "".join(map(_plain, text))


def _plain(char: str) -> str:
    plain = normalize("NFKC", char).lower()
    return plain if len(plain) == 1 else char
