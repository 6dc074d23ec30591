"""Many short lists of texts by key, as a mapping that Python's cycle collector need not walk. Pure.

Nearly all lists have one member. A tuple for each of a quarter of a million model names would keep
the collector, and so every thread, busy for a tenth of a second.
"""

from collections.abc import Iterable, Mapping

Groups = Mapping[str, str | tuple[str, ...]]
"""A member by itself, or several."""


def group(pairs: Iterable[tuple[str, str]]) -> Groups:
    """Collect members by their key, in the order given."""
    single: dict[str, str | tuple[str, ...]] = {}
    several: dict[str, list[str]] = {}
    for key, member in pairs:
        if key not in single:
            single[key] = member
        elif (members := several.get(key)) is not None:
            members.append(member)
        else:
            several[key] = [str(single[key]), member]
    single.update((key, tuple(members)) for key, members in several.items())
    return single


def members_of(groups: Groups, key: str) -> tuple[str, ...]:
    """Return the members of a key, none where it is unknown."""
    found = groups.get(key, ())
    return (found,) if isinstance(found, str) else found
