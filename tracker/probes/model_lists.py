"""Reading model lists in all formats of providers. Total; a long one is read in slices."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import attrs
import trio

from tracker.core.turns import Turns
from tracker.models.tasks import other_task
from tracker.probes.json_values import as_mapping, as_text, mappings

MOST = 20_000  # models kept of a list: OpenRouter's, the longest known, has under 1,000
LONGEST = 200  # characters of a model's name
BROKEN = "\ufffd"  # in the place of half a character: no request could name such a model
TOLD = 100  # characters of a name searched for its task: the search takes 1 µs a character
SLICE = 100  # entries read before other tasks may run: up to ten milliseconds
PROPERTIES = 50  # properties read of one of Cloudflare's entries, which have under ten
NAMED_BY = ("id", "name", "model")  # fields with the name, the usual one first
# Fields with the switch-off date: OpenRouter's, Mistral's, Cloudflare's, and others'.
RETIRED_BY = (
    "expiration_date",
    "deprecation",
    "planned_deprecation_date",
    "deprecation_date",
    "shutdown_date",
)
# Names of models that do not chat: a completion of one fails without meaning anything.
_OTHER = re.compile(
    r"embed|bge-|e5-|rerank|retriev|whisper|tts|speech|audio|transcri|voice|moderation|guard|"
    r"image|dall-e|imagen|flux|diffusion|video|veo-|sora|ocr|clip|reward|parse|realtime|"
    r"davinci|babbage|aqa|lyria",
    re.IGNORECASE,
)


T = TypeVar("T")
_turns: trio.lowlevel.RunVar[Turns] = trio.lowlevel.RunVar("turns of long lists")


@attrs.frozen
class ModelList:
    """names: as the provider writes them. chat: those that seem to be chat models, in its order.

    retiring: models that will be switched off, and when. tasks: for models whose entry names
    another task than chat, that task in our words ("image generation"). left_out: how many entries
    are none of them: without a name, with one that no request could use, or beyond MOST.
    """

    names: tuple[str, ...]
    chat: tuple[str, ...]
    retiring: Mapping[str, date] = attrs.field(factory=dict)
    tasks: Mapping[str, str] = attrs.field(factory=dict)
    left_out: int = 0


def slices(entries: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield them a few at a time: other tasks are to run between."""
    for begin in range(0, len(entries), SLICE):
        yield entries[begin : begin + SLICE]


async def pause_between(entries: Sequence[object]) -> None:
    """Let other tasks run between two slices; a short list is one, and read at once."""
    if len(entries) > SLICE:
        await wait_for_turn()


async def wait_for_turn() -> None:
    """Return when no other check does its piece of a long list in this pass of the event loop."""
    try:
        turns = _turns.get()
    except LookupError:
        turns = Turns()
        _turns.set(turns)
    await turns.wait()


async def read_models(body: object) -> ModelList | None:
    """Read a bare array, or one under ``data``, ``models`` or ``result``; None for other shapes.

    An empty list is one: a fresh server has no model yet. Gemini's ``models/`` before each name
    is its path, not part of it. Under ``result`` Cloudflare has entries of a shape of its own.
    An odd entry is left out; a list of nothing else is none.
    """
    entries, is_registry = body, False
    if isinstance(body, dict):
        entries = body.get("data", body.get("models"))
        if entries is None and ("data" in body or "models" in body):
            entries = []  # a fresh Ollama says null
        elif entries is None and isinstance(body.get("result"), list):
            entries, is_registry = body["result"], True
    if not isinstance(entries, list):
        return None
    names: list[str] = []
    chat: list[str] = []
    retiring: dict[str, date] = {}
    tasks: dict[str, str] = {}
    sound = not entries
    for listed in slices(entries[:MOST]):
        some: Sequence[Any] = listed
        if is_registry:
            some = [_read_registered(entry) for entry in listed]
        some = [entry for entry in some if _name(entry) is not None]
        sound = sound or any(BROKEN not in (_name(entry) or "") for entry in some)
        names += _names(some)
        chat += _names([entry for entry in some if _chats(entry)])
        retiring.update(_retiring(some))
        tasks.update(_tasks(some))
        await pause_between(entries)
    if not sound:
        return None
    return ModelList(
        names=tuple(dict.fromkeys(names)),
        chat=tuple(dict.fromkeys(chat)),
        retiring=retiring,
        tasks=tasks,
        left_out=len(entries) - len(names),
    )


def _names(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        name = _name(entry)
        if name is not None and len(name) <= LONGEST and name.isprintable() and BROKEN not in name:
            yield name


def _retiring(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, date]]:
    for entry in entries:
        told = (as_text(entry.get(field)) for field in RETIRED_BY)
        on = next((day for text in told if (day := _day(text)) is not None), None)
        if on is not None:
            yield from ((name, on) for name in _names([entry]))


def _tasks(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield only tasks that we know by their words: a type nobody has heard of may chat."""
    for entry in entries:
        if (task := other_task(as_text(entry.get("type"))[:TOLD])) is not None:
            yield from ((name, task) for name in _names([entry]))


def _read_registered(entry: object) -> object:
    """Read an entry of Cloudflare's registry as others write it.

    Its ``id`` is a number of the registry, its ``name`` is what a request names, and what it is
    and until when stands in ``task`` and in a list of properties.
    """
    if not isinstance(entry, dict):
        return entry
    properties = {
        as_text(one.get("property_id")): one.get("value")
        for one in mappings(entry.get("properties"), PROPERTIES)
    }
    task = as_text(as_mapping(entry.get("task")).get("name"))
    kind = "chat" if task in {"", "Text Generation"} else task
    return {**properties, "id": entry.get("name"), "type": kind}


def _day(text: str) -> date | None:
    """Read the day of a date or of a timestamp, None for anything else."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _name(entry: object) -> str | None:
    """Return an entry's name, None where it is no entry of a model list."""
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
    return not _OTHER.search((_name(entry) or "")[:TOLD])
