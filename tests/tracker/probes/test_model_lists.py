"""tracker.probes.model_lists: model lists in every shape."""

from typing import Any

import pytest

from tracker.probes.model_lists import read_models


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ([{"id": "a"}, {"id": "a"}, {"id": "b"}], ("a", "b")),
        ({"models": [{"name": "models/gemini-x"}]}, ("gemini-x",)),
        ({"data": [{"id": "x" * 300}, {"id": "\x00"}, {"id": "ok"}]}, ("ok",)),
        ({"data": [{"id": ""}]}, None),
        ({"data": [{"model": "anthropic/claude"}]}, ("anthropic/claude",)),
        ({"data": [{"id": "a", "type": ["chat"]}]}, ("a",)),
        ({"data": None}, ()),
        ({}, None),
        ("a", None),
    ],
)
def test_reading_a_list(body: list[Any] | dict[str, Any] | str, names: Any) -> None:
    found = read_models(body)
    assert (found and found.names) == names


def test_a_gemini_model_that_only_embeds_is_not_asked_to_chat() -> None:
    entries = [
        {"name": "models/x-1", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/y-1", "supportedGenerationMethods": ["generateContent"]},
    ]
    assert read_models({"models": entries}).chat == ("y-1",)
