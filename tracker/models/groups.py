"""Many short lists of strings by key, stored so that Python's garbage collector skips them. Pure.

Nearly all lists have one member. With one tuple for each of 250,000 model names, the collector
would stop every thread for a tenth of a second.
"""

import math
from collections.abc import Iterable, Mapping

Groups = Mapping[str, str | tuple[str, ...]]
"""One member, or several."""


def group(pairs: Iterable[tuple[str, str]], most: float = math.inf) -> Groups:
    """Collect members by their key, in the order given: the first ``most`` of each, at least 2."""
    single: dict[str, str | tuple[str, ...]] = {}
    several: dict[str, list[str]] = {}
    for key, member in pairs:
        if key not in single:
            single[key] = member
        elif (members := several.get(key)) is not None:
            if len(members) < most:
                members.append(member)
        else:
            several[key] = [str(single[key]), member]
    single.update((key, tuple(members)) for key, members in several.items())
    return single


def members_of(groups: Groups, key: str) -> tuple[str, ...]:
    """Return the members of a key, none where it is unknown."""
    found = groups.get(key, ())
    return (found,) if isinstance(found, str) else found
