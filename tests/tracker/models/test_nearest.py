"""Nearest names: the likely ones first, and a bounded part of the known ones looked at."""

import pytest

from tracker.models.nearest import LONGEST_COMPARED, NameFeatures, find_nearest

KNOWN = NameFeatures.of(["gpt-4o", "gpt-4o-mini", "llama-3.3-70b", "llama-3.1-8b", "mistral-nemo"])


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("gpt-4o-mni", "gpt-4o-mini"),
        ("lama-3.3-70b", "llama-3.3-70b"),
        ("llama-3.2-70b", "llama-3.3-70b"),
        ("mistrl-nemo", "mistral-nemo"),
    ],
)
def test_a_mistyped_name_finds_the_one_meant(asked: str, nearest: str) -> None:
    assert find_nearest(asked, [KNOWN])[0] == nearest


@pytest.mark.parametrize("asked", ["", "zzz", "é" * 10_000, "-" * 10_000])
def test_an_unrelated_name_finds_nothing(asked: str) -> None:
    assert find_nearest(asked, [KNOWN]) == ()


def test_no_more_names_than_asked_for_and_each_once() -> None:
    assert find_nearest("gpt-4o", [KNOWN, KNOWN], count=2) == ("gpt-4o", "gpt-4o-mini")


def test_a_long_name_is_compared_by_its_beginning() -> None:
    assert find_nearest("llama-3.3-70b" + "-x" * 5_000, [KNOWN]) == find_nearest(
        ("llama-3.3-70b" + "-x" * 5_000)[:LONGEST_COMPARED], [KNOWN]
    )
