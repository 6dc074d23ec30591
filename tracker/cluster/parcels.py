"""Checks and states on their way through the hub: what is shipped, and what others read of it."""

from collections.abc import Mapping, Sequence

import attrs

from tracker.core.records import CheckRow


@attrs.frozen(kw_only=True)
class StateRow:
    """What a vantage knows of a provider, or of an offer (``model``), after the check ``seq``.

    age: seconds since the check. due_in, fresh_for: seconds until the next check, and until this
    is too old to count; None: no check is planned. state: JSON; models: its model list.
    """

    provider: str
    model: str | None
    seq: int
    age: float
    due_in: float | None
    fresh_for: float | None
    status: str
    reason: str
    state: str
    models: tuple[str, ...] | None = None
    vantage: str = ""


@attrs.frozen(kw_only=True)
class Parcel:
    """Checks in the order of their numbers, all above ``head``, up to ``last``, and states."""

    origin: str
    head: int
    last: int
    rows: Sequence[CheckRow] = ()
    states: Sequence[StateRow] = ()


@attrs.frozen(kw_only=True)
class Shipment:
    """The result of a parcel. head: the hub's position now; skipped: single rows it refused."""

    head: int
    accepted: bool
    skipped: int = 0


@attrs.frozen(kw_only=True)
class SiblingChecks:
    """Checks of another tracker of our vantage, in order; ``last``: the newest of them."""

    origin: str
    last: int
    rows: Sequence[CheckRow] = ()


@attrs.frozen(kw_only=True)
class News:
    """What others sent since ``cursors``, the next positions. more: there is more to read."""

    checks: Sequence[SiblingChecks] = ()
    states: Sequence[StateRow] = ()
    cursors: Mapping[str, int] = attrs.field(factory=dict)
    more: bool = False
