"""What is told as not for chat, by the words of an id."""

import pytest

from tracker.models.tasks import is_for_chat, other_task


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("gpt-image-1.5", "image generation"),
        ("black-forest-labs/FLUX.1-dev", "image generation"),
        ("dall-e-3", "image generation"),
        ("some/text-to-image", "image generation"),
        ("text-embedding-3-large", "embeddings"),
        ("BAAI/bge-m3", "embeddings"),
        ("Qwen/Qwen3-Reranker-8B", "reranking"),
        ("gemini-2.5-flash-preview-tts", "speech"),
        ("whisper-large-v3", "speech"),
        ("omni-moderation-latest", "moderation"),
        ("meta-llama/llama-guard-4-12b", "moderation"),
    ],
)
def test_a_model_for_another_task_names_the_task(model: str, task: str) -> None:
    assert other_task(model) == task
    assert not is_for_chat(model)


@pytest.mark.parametrize(
    "model",
    ["gpt-4o", "llama-3.3-70b-versatile", "qwen3-vl:235b", "imaginary-7b", "", "x" * 10_000],
)
def test_a_model_without_such_a_word_is_for_chat(model: str) -> None:
    assert is_for_chat(model)
