"""Model names defined in the configuration (``[models]``), and the mistakes they can contain.

They override the built-in rules: one name stands for exactly the offers listed under it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

LONGEST_NAME = 200  # characters; anything longer was pasted by mistake
SHOWN = 60  # characters of a name in an error text

Aliases = Mapping[str, Sequence[str]]


@attrs.frozen
class AliasProblem:
    """One mistake in ``[models]``: the ``name`` concerned, and a sentence that says what to do."""

    name: str
    problem: str


def find_alias_problems(aliases: Aliases, providers: Collection[str]) -> tuple[AliasProblem, ...]:
    """Check names against the names of the providers that are configured.

    Whether a provider lists the model is not asked: lists come later, and change.
    """
    known = frozenset(providers)
    first: dict[str, str] = {}  # the first of each group of names that differ only in case
    for name in sorted(aliases):
        first.setdefault(fold_name(name), name)
    return tuple(
        AliasProblem(name, problem)
        for name, targets in aliases.items()
        for problem in (
            *_name_problems(name, first[fold_name(name)]),
            *_target_problems(name, targets, first.keys(), known),
        )
    )


def split_target(target: str) -> tuple[str, str] | None:
    """Split "provider/id" at its first slash; None when a part is missing. The id may hold more."""
    provider, _, model = target.partition("/")
    return (provider, model) if provider and model else None


def fold_name(name: str) -> str:
    """Write a name as it is compared: in any case, with any space around."""
    return name.strip().casefold()


def _name_problems(name: str, twin: str) -> Iterator[str]:
    if not name.strip():
        yield "the name is empty; give the model a name"
    elif len(name) > LONGEST_NAME:
        yield f"the name has {len(name)} characters; use at most {LONGEST_NAME}"
    if twin != name:
        yield f"this name differs from {_show(twin)} only in upper and lower case; keep one of them"


def _target_problems(
    name: str, targets: Sequence[str], names: Collection[str], providers: frozenset[str]
) -> Iterator[str]:
    if not targets:
        yield 'no offer is listed; list at least one as "provider/model"'
    seen: set[str] = set()
    for target in targets:
        if target in seen:
            yield f"{_show(target)} is listed twice; list each offer once"
            continue
        seen.add(target)
        parts = split_target(target)
        if parts and parts[0] in providers:
            continue
        if fold_name(target) in names:
            yield _describe_nesting(name, target)
        elif parts is None:
            yield f'{_show(target)} is not an offer; write it as "provider/model"'
        else:
            yield f"{_show(target)} names the provider {_show(parts[0])}, which is not configured"


def _describe_nesting(name: str, target: str) -> str:
    whose = "itself" if fold_name(name) == fold_name(target) else "another name of [models]"
    return f'{_show(target)} is {whose}; list offers as "provider/model" instead'


def _show(text: str) -> str:
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return f'"{plain if len(plain) <= SHOWN else plain[: SHOWN - 1] + "…"}"'
