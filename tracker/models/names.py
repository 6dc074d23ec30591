"""The common name of a model behind the many ids that providers give it. Pure.

"meta-llama/Llama-3.3-70B-Instruct-Turbo" and "llama-3.3-70b-versatile" are both "llama-3.3-70b".
A wrong merge sends a caller to another model, a miss only hides an offer. So a word stays in the
name unless it is known to be packaging.
"""

import re
import unicodedata
from functools import lru_cache

import attrs

from tracker.models.id_tokens import MAJOR, PART_OF_SIZE, SIZE, strip_wrapping, tokenize
from tracker.models.irregular_names import IDS, NAMES
from tracker.models.mistral import name_release
from tracker.models.words import (
    BEHIND_SIZE,
    GENERIC,
    GLUED,
    NAMED_LLAMAS,
    NAMED_NEMOTRONS,
    PACKAGING,
    SOLE_SIZES,
    SOLE_SIZES_BEHIND,
    SPEED_FAMILIES,
    SPEEDS,
)

# No provider's id is longer. Longer ones are used unchanged, so that 10 kB cost nothing.
LONGEST_ID = 200
# For names that callers ask for repeatedly; the index of a list keeps its own.
NAMES_REMEMBERED = 2_000

_SOMETIMES_PACKAGING = (
    PACKAGING | SPEEDS | BEHIND_SIZE | {"it", "latest", "v1", "001", "pt", "preview"}
)
_FIREWORKS = "accounts/fireworks/"
_MONTH_AND_DAY = re.compile(r"(?:0[1-9]|1[0-2])[0-3]\d")
_MINOR = re.compile(r"(?:0|[1-9]\d?)v?")


@attrs.frozen
class ModelName:
    """A model and its packaging. ``name``: common to all its offers; ``variant``: the packaging."""

    name: str
    variant: str | None = None


def parse_model_id(model_id: str) -> ModelName:
    """Tell the common name of an id, and its packaging as ``variant``. Total on any text."""
    return _remember(model_id) if len(model_id) <= LONGEST_ID else ModelName(model_id)


def read_model_id(model_id: str) -> ModelName:
    """Tell the same without remembering it: for lists of many thousands."""
    return _parse(model_id) if len(model_id) <= LONGEST_ID else ModelName(model_id)


@lru_cache(maxsize=NAMES_REMEMBERED)
def _remember(model_id: str) -> ModelName:
    return _parse(model_id)


def _parse(model_id: str) -> ModelName:
    folded = (
        model_id if model_id.isascii() else unicodedata.normalize("NFKC", model_id)
    ).casefold()
    path, _, tail = folded.rpartition("/")
    if path.startswith(_FIREWORKS):  # Fireworks' slower, cheaper deployments
        tail = tail.removesuffix("-basic")
    text, dropped = strip_wrapping(IDS.get(tail, tail))
    tokens = tokenize(text)
    kept, packaging = _separate_packaging(tokens)
    if not kept:  # "openrouter/free": the packaging word is the name
        kept, packaging = tokens, []
    if len(kept) == 1 and kept[0] in GENERIC:
        kept = tokenize(path) + kept
    name = name_release(_join(kept))
    return ModelName(NAMES.get(name, name) or folded.strip(), "-".join(packaging + dropped) or None)


def _separate_packaging(tokens: list[str]) -> tuple[list[str], list[str]]:
    """Split the words of an id into those of the model and those of its packaging."""
    kept: list[str] = []
    packaging: list[str] = []
    has_size = False
    for index, token in enumerate(tokens):
        if has_size and PART_OF_SIZE.fullmatch(token):
            continue  # the total size is enough: "qwen3-30b" is "qwen3-30b-a3b"
        if SIZE.fullmatch(token) and _tells_nothing(token, kept):
            has_size = True
            continue
        if token in _SOMETIMES_PACKAGING and _is_packaging(tokens, index, has_size=has_size):
            packaging.append(token)
            continue
        has_size = has_size or SIZE.fullmatch(token) is not None
        kept.append(token)
    return kept, packaging


def _tells_nothing(size: str, before: list[str]) -> bool:
    """Return whether all models of that name have this size."""
    family = before[0] if before else ""
    if family == "llama":
        return bool(NAMED_LLAMAS.intersection(before))
    if before[:2] == ["nemotron", "3"]:
        return any(NAMED_NEMOTRONS.get(word) == size for word in before[2:])
    if size in SOLE_SIZES_BEHIND.get(before[-1] if before else "", ()):
        return True
    return size in SOLE_SIZES.get(family, ()) and "distill" not in before


def _is_packaging(tokens: list[str], index: int, *, has_size: bool) -> bool:
    word, family = tokens[index], tokens[0]
    if word == "instruct":
        return family != "gpt"  # gpt-3.5-turbo-instruct is not a chat model
    if word in PACKAGING:
        return True
    if word in SPEEDS:
        return has_size or family in SPEED_FAMILIES.get(word, ())
    if word in BEHIND_SIZE and has_size:
        return True
    return _is_packaging_of_family(tokens, index, has_size=has_size)


def _is_packaging_of_family(tokens: list[str], index: int, *, has_size: bool) -> bool:
    word, family = tokens[index], tokens[0]
    after = tokens[index + 1] if index + 1 < len(tokens) else ""
    if word == "it":  # Gemma's for instruct; elsewhere it means Italian
        return any("gemma" in other for other in tokens)
    if word == "chat":  # deepseek-chat-v3.1
        return family == "deepseek" and re.fullmatch(r"v\d+", after) is not None
    if word == "latest":  # gpt-5-chat-latest
        return family == "gpt" and index > 2 and tokens[index - 1] == "chat"
    if word == "pt":  # Baidu's for PyTorch; Google's for pretrained, another model
        return family == "ernie"
    if word == "preview":  # Moonshot's "kimi-k2-0905-preview"
        return family == "kimi" and _MONTH_AND_DAY.fullmatch(tokens[index - 1]) is not None
    if word == "001":  # the only snapshot of each since Gemini 2
        return family == "gemini" and not after and tokens[1:2] != ["1"]
    return word == "v1" and not after and (has_size or family == "nova")


def _join(tokens: list[str]) -> str:
    """Write tokens as a name: "qwen 3 5 27b" as "qwen3.5-27b"."""
    name = ""
    last = ""
    for token in tokens:
        if token[0].isdigit() and _MINOR.fullmatch(token) and MAJOR.fullmatch(last):
            name += f".{token}"
        elif last in GLUED and token[0].isdigit() and not SIZE.fullmatch(token):
            name += token
        else:
            name += f"-{token}" if name else token
        last = token
    return name
