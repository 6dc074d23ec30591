"""A generated language model of 100 kB in llama.cpp's file format; its text is meaningless.

GGUF, version 3: a header, keys with their values, the tensors' names and shapes, their data.
"""

import random
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

WIDTH, HEADS, HIDDEN, CONTEXT = 32, 2, 64, 2048
ALIGNMENT = 32
UINT32, FLOAT32, STRING, ARRAY, INT32 = 4, 6, 8, 9, 5
# The types in llama.cpp's tokenizer: unknown, control and byte tokens, and words.
UNKNOWN, CONTROL, NORMAL, BYTE = 2, 3, 1, 6
WORDS = ("▁", "▁hi", "hi", "▁hello", "▁world", "a", "e", "i", "o", "h", "user", "assistant", ":")


def write_tiny_model(file: Path, *, seed: int = 0) -> None:
    """Write a llama of one layer with random weights."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    tokens += [(word, NORMAL) for word in WORDS]
    tensors = list(_tensors(len(tokens)))
    pairs = [*_settings(file.stem), *_vocabulary(tokens)]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs)
    infos, data = b"", b""
    rng = random.Random(seed)
    for name, shape in tensors:
        infos += _text(name) + struct.pack("<I", len(shape))
        infos += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", 0, len(data))
        data += _weights(name, shape, rng)
    head = header + infos
    file.write_bytes(head + bytes(-len(head) % ALIGNMENT) + data)


def _tensors(vocabulary: int) -> Iterable[tuple[str, Sequence[int]]]:
    yield "token_embd.weight", (WIDTH, vocabulary)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        yield f"blk.0.{name}.weight", (WIDTH, WIDTH)
    for name in ("ffn_gate", "ffn_up"):
        yield f"blk.0.{name}.weight", (WIDTH, HIDDEN)
    yield "blk.0.ffn_down.weight", (HIDDEN, WIDTH)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        yield f"{name}.weight", (WIDTH,)
    yield "output.weight", (WIDTH, vocabulary)


def _weights(name: str, shape: Sequence[int], rng: random.Random) -> bytes:
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = [1.0 if "norm" in name else rng.gauss(0.0, 0.02) for _ in range(count)]
    raw = struct.pack(f"<{count}f", *values)
    return raw + bytes(-len(raw) % ALIGNMENT)


def _settings(name: str) -> Iterable[bytes]:
    yield _key("general.architecture", STRING) + _text("llama")
    yield _key("general.name", STRING) + _text(name)
    for key, number in {
        "context_length": CONTEXT,
        "embedding_length": WIDTH,
        "block_count": 1,
        "feed_forward_length": HIDDEN,
        "attention.head_count": HEADS,
        "attention.head_count_kv": HEADS,
        "rope.dimension_count": WIDTH // HEADS,
    }.items():
        yield _key(f"llama.{key}", UINT32) + struct.pack("<I", number)
    yield _key("llama.attention.layer_norm_rms_epsilon", FLOAT32) + struct.pack("<f", 1e-5)


def _vocabulary(tokens: Sequence[tuple[str, int]]) -> Iterable[bytes]:
    yield _key("tokenizer.ggml.model", STRING) + _text("llama")
    words = b"".join(_text(word) for word, _ in tokens)
    yield _array("tokenizer.ggml.tokens", STRING, len(tokens)) + words
    scores = struct.pack(f"<{len(tokens)}f", *(-float(n) for n in range(len(tokens))))
    yield _array("tokenizer.ggml.scores", FLOAT32, len(tokens)) + scores
    kinds = struct.pack(f"<{len(tokens)}i", *(kind for _, kind in tokens))
    yield _array("tokenizer.ggml.token_type", INT32, len(tokens)) + kinds
    for key, number in {"bos": 1, "eos": 2, "unknown": 0}.items():
        yield _key(f"tokenizer.ggml.{key}_token_id", UINT32) + struct.pack("<I", number)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _key(name: str, kind: int) -> bytes:
    return _text(name) + struct.pack("<I", kind)


def _array(name: str, kind: int, length: int) -> bytes:
    return _key(name, ARRAY) + struct.pack("<IQ", kind, length)
