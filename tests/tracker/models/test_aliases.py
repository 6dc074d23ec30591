"""Each mistake in ``[models]`` is reported with its name and what to do."""

import pytest

from tracker.models.aliases import AliasProblem, find_alias_problems

PROVIDERS = ("groq", "together")


def test_names_of_known_offers_have_no_problem() -> None:
    aliases = {"fast-70b": ["groq/llama-3.3-70b-versatile", "together/meta-llama/Llama-3.3"]}
    assert find_alias_problems(aliases, PROVIDERS) == ()


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        ([], 'no offer is listed; list at least one as "provider/model"'),
        (["nobody/x"], '"nobody/x" names the provider "nobody", which is not configured'),
        (["x"], '"x" is not an offer; write it as "provider/model"'),
        (["groq/"], '"groq/" is not an offer; write it as "provider/model"'),
        (["groq/a", "groq/a"], '"groq/a" is listed twice; list each offer once'),
        (["Fast"], '"Fast" is itself; list offers as "provider/model" instead'),
        (
            ["other"],
            '"other" is another name of [models]; list offers as "provider/model" instead',
        ),
    ],
)
def test_a_wrong_target_is_reported(targets: list[str], problem: str) -> None:
    aliases = {"fast": targets, "other": ["groq/a"]}
    assert find_alias_problems(aliases, PROVIDERS) == (AliasProblem("fast", problem),)


def test_a_cycle_of_two_names_is_reported_for_both() -> None:
    problems = find_alias_problems({"a": ["b"], "b": ["a"]}, PROVIDERS)
    assert [problem.name for problem in problems] == ["a", "b"]


def test_the_same_name_in_another_case_is_reported_once() -> None:
    problems = find_alias_problems({"Fast": ["groq/a"], "fast": ["groq/b"]}, PROVIDERS)
    assert [(problem.name, "case" in problem.problem) for problem in problems] == [("fast", True)]


@pytest.mark.parametrize("name", [" ", "x" * 10_000])
def test_an_unusable_name_is_reported_briefly(name: str) -> None:
    (problem,) = find_alias_problems({name: ["groq/a"]}, PROVIDERS)
    assert len(problem.problem) < 100
