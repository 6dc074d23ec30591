"""Model lists in the shapes providers give them. Pure and total."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from tracker.probes.json_values import as_text

MOST = 20_000  # models kept of a list: OpenRouter, the longest known, has under 1,000
LONGEST = 200  # characters of a model's name
NAMED_BY = ("id", "name", "model")  # fields that hold it, the usual one first
# Names of models that do not chat; a completion asked of one fails, and says nothing.
_OTHER = re.compile(
    r"embed|bge-|e5-|rerank|retriev|whisper|tts|speech|audio|transcri|voice|moderation|guard|"
    r"image|dall-e|imagen|flux|diffusion|video|veo-|sora|ocr|clip|reward|parse|realtime|"
    r"davinci|babbage|aqa|lyria",
    re.IGNORECASE,
)


@attrs.frozen
class ModelList:
    """names: as the provider writes them. chat: those that look as if they chat, in its order."""

    names: tuple[str, ...]
    chat: tuple[str, ...]


def read_models(body: object) -> ModelList | None:
    """A bare array, or one under ``data`` or ``models``; None for any other shape.

    An empty list is one: a fresh server has no model yet. Gemini's ``models/`` before each name
    is its path, not part of it.
    """
    entries = body
    if isinstance(body, dict):
        entries = body.get("data", body.get("models"))
        if entries is None and ("data" in body or "models" in body):
            entries = []  # a fresh Ollama says null
    if not isinstance(entries, list) or any(_name(entry) is None for entry in entries):
        return None
    kept = entries[:MOST]
    return ModelList(
        names=tuple(dict.fromkeys(_names(kept))),
        chat=tuple(dict.fromkeys(_names([e for e in kept if _chats(e)]))),
    )


def _names(entries: list[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        name = _name(entry)
        if name is not None and len(name) <= LONGEST and name.isprintable():
            yield name


def _name(entry: object) -> str | None:
    """An entry's name, None where it is no entry of a model list."""
    if not isinstance(entry, dict):
        return None
    names = (entry.get(field) for field in NAMED_BY)
    name = next((name for name in names if isinstance(name, str) and name), None)
    return None if name is None else name.removeprefix("models/")


def _chats(entry: Mapping[str, Any]) -> bool:
    methods = entry.get("supportedGenerationMethods", entry.get("endpoints"))
    if isinstance(methods, list) and not {"generateContent", "chat"}.intersection(
        map(str, methods)
    ):
        return False
    if as_text(entry.get("type")) not in {"", "chat", "language", "model"}:
        return False
    return not _OTHER.search((_name(entry) or "")[:LONGEST])
