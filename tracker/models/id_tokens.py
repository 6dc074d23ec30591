"""The words, versions, sizes and dates that a model id is made of, in any spelling. Pure."""

import re
from functools import lru_cache

from tracker.models.words import DOT_VENDORS, FAMILIES, PACKAGING, REGIONS, TAGS, VENDORS

_VENDORS_AND_FAMILIES = VENDORS | FAMILIES

CHUNKS_REMEMBERED = 10_000  # thousands of ids consist of a few hundred different words

_REVISION = re.compile(r"-v?\d:0(?::\d+k|:mm)?$")  # Bedrock's: "-v1:0", "-1:0", "-v1:0:28k"
# llama.cpp's ("q4_k_m"), and Unsloth's variant of it ("ud-q4_k_xl").
_QUANTIZATION = re.compile(r"[-_.:]((?:ud-)?i?q[1-8](?:_[a-z0-9]+)*)(?=$|[-.:])")
_DECIMAL = re.compile(r"(?<=\d)[p_](?=\d)")  # Fireworks' "v3p3", NVIDIA's "3_1"
_SEPARATORS = str.maketrans(dict.fromkeys("-_@+~,:/()[]\t\r\n", " "))
_HYPHENED_DATE = re.compile(r"(?<!\d)(20\d\d)-([01]\d)-([0-3]\d)(?!\d)")
_FULL_DATE = re.compile(r"(20\d\d)([01]\d)([0-3]\d)")
SIZE = re.compile(r"(?:\d+x|e)?\d+(?:\.\d+)?[bmt]")  # 70b, 8x22b, 1.2b, 350m, 1t, e4b
PART_OF_SIZE = re.compile(r"a\d+(?:\.\d+)?b|\d+e")  # active parameters, experts
_FAMILY_AND_VERSION = re.compile(r"([^\W\d_]{3,})(\d.*)")  # qwen3, llama3.1
MAJOR = re.compile(r"[a-z]{0,2}(?:0|[1-9]\d?)")


def strip_wrapping(tail: str) -> tuple[str, list[str]]:
    """Take a cloud's regions and revisions, a router's tags and quantizations off an id."""
    text = _strip_revision(_strip_dot_vendor(tail))
    dropped = _QUANTIZATION.findall(text)
    text = _QUANTIZATION.sub("", text) if dropped else text
    head, *tags = text.split(":")
    dropped += [tag for tag in tags if tag in TAGS]
    return ":".join([head, *(tag for tag in tags if tag not in TAGS)]), dropped


def _strip_dot_vendor(tail: str) -> str:
    region, dot, rest = tail.partition(".")
    if dot and region in REGIONS:
        tail = rest
    vendor, dot, rest = tail.partition(".")
    if not dot or vendor not in DOT_VENDORS:
        return tail
    # "deepseek.r1" is a family and its version, "anthropic.claude-3" a vendor and a family.
    return rest if rest[:3].isalpha() else f"{vendor}-{rest}"


def _strip_revision(text: str) -> str:
    """Strip "-v1:0", unless it is the only version in the id: "claude-v2:0", "command-r-v1:0"."""
    if ":" not in text:
        return text
    shorter = _REVISION.sub("", text)
    return shorter if "nova" in shorter or any(map(str.isdigit, shorter)) else text


def tokenize(text: str) -> list[str]:
    """Split an id into words, versions, sizes and dates; drop a vendor's name before a family."""
    tokens: list[str] = []
    plain = _HYPHENED_DATE.sub(r"\1\2\3", _DECIMAL.sub(".", text))
    for chunk in plain.translate(_SEPARATORS).split():
        tokens += _split_chunk(chunk)
    while len(tokens) > 1 and tokens[0] in VENDORS and tokens[1] in _VENDORS_AND_FAMILIES:
        del tokens[0]
    if tokens[:1] == ["claude"]:
        return _order_claude(tokens)
    if tokens[:2] == ["gpt", "35"]:
        return ["gpt", "3", "5", *tokens[2:]]  # Azure's names have no dot
    if tokens[:1] == ["llama"] and len(tokens) > 1:
        tokens[1] = tokens[1].removeprefix("v")  # Fireworks: "llama-v3p3-70b"
    return tokens


@lru_cache(maxsize=CHUNKS_REMEMBERED)
def _split_chunk(chunk: str) -> tuple[str, ...]:
    if date := _FULL_DATE.fullmatch(chunk):
        return ("-".join(date.groups()),)
    if chunk in PACKAGING or SIZE.fullmatch(chunk) or PART_OF_SIZE.fullmatch(chunk):
        return (chunk,)
    family = _FAMILY_AND_VERSION.fullmatch(chunk)
    parts = [family[1], *_split_chunk(family[2])] if family else chunk.split(".")
    if len(parts) == 1 and re.fullmatch(r"v0\d", chunk):  # NVIDIA's "mistral-7b-instruct-v03"
        return ("v0", chunk[2])
    return tuple(filter(None, parts))


def _order_claude(tokens: list[str]) -> list[str]:
    """Write "claude-3-5-sonnet-20241022" as today's ids are: "claude-sonnet-3-5-…".

    Anthropic made one snapshot of each version, so that its date names no other model; only
    Sonnet 3.5 has two. "claude-opus-4-0" is "claude-opus-4".
    """
    front = 1
    while front < len(tokens) and MAJOR.fullmatch(tokens[front]):
        front += 1
    if front < len(tokens) and tokens[front].isalpha():
        tokens = ["claude", tokens[front], *tokens[1:front], *tokens[front + 1 :]]
    if tokens[1:4] != ["sonnet", "3", "5"] and len(tokens) > 3:
        tokens = [token for token in tokens if not _HYPHENED_DATE.fullmatch(token)]
    return tokens[:3] + tokens[4:] if tokens[3:4] == ["0"] else tokens
