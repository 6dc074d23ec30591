"""Mistral's releases by version, by month or by both have one name, and different ones never."""

from itertools import combinations

import pytest

from tracker.models.mistral import RELEASES, name_release
from tracker.models.names import parse_model_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mistral-small-2506", "mistralai/Mistral-Small-3.2-24B-Instruct-2506"),
        ("mistral-small-2503", "mistral-small-3.1-24b-instruct"),
        ("mistral-large-2512", "mistralai/mistral-large-3-675b-instruct-2512"),
        ("magistral-medium-2509", "magistral-medium-1.2"),
        ("magistral-small-2506", "magistral-small-1.0"),
        ("devstral-2512", "mistralai/Devstral-2-123B-Instruct-2512"),
        ("devstral-small-2507", "devstral-small-1.1"),
        ("ministral-8b-2512", "ministral-3-8b-instruct-2512"),
    ],
)
def test_version_and_month_name_the_same_release(one: str, other: str) -> None:
    assert parse_model_id(one).name == parse_model_id(other).name


@pytest.mark.parametrize(
    "name",
    [
        "mistral-small",
        "mistral-small-24b",
        "mistral-small-9",
        "mistral-small-3.2-24b-2501",  # the table says another month
        "mistral-large-2",
        "mistral-nemo",
        "mistral-7b-v0.3",
        "codestral-2508",
        "ministral-8b",
    ],
)
def test_names_not_in_the_table_are_unchanged(name: str) -> None:
    assert name_release(name) == name


def test_sizes_and_releases_never_merge() -> None:
    ids = [
        *(f"{series}-{version}" for series, version in RELEASES),
        *("ministral-3-3b", "ministral-3-8b", "ministral-8b-2410", "ministral-3b-2410"),
        *("mistral-small-2402", "mistral-small-2409", "mistral-large-2407", "mistral-large-2411"),
    ]
    for one, other in combinations(ids, 2):
        assert name_release(one) != name_release(other), (one, other)


@pytest.mark.parametrize("name", ["mistral-small-3.2-24b", "devstral-2", "ministral-3-8b-2512"])
def test_a_name_that_was_given_stays(name: str) -> None:
    assert name_release(name_release(name)) == name_release(name)
