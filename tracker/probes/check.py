"""The interface between an actor and a dialect: one check of a provider or of an offer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import attrs

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.request_shape import RequestShape


class Check(Protocol):
    """Checks one provider. A check sets no time limit itself and may be cancelled anywhere."""

    async def __call__(self) -> CheckResult:
        """Check the provider as its settings say."""
        ...

    async def check_model(self, model: str) -> CheckResult:
        """Check one offer by a completion of one token."""
        ...

    def partial_result(self) -> CheckResult:
        """Return what is known of a check that was cancelled for its time limit."""
        ...

    def remember(self, learned: Mapping[str, RequestShape]) -> None:
        """Take over how models must be asked, as an earlier process has learnt it."""
        ...


@attrs.frozen
class FunctionCheck:
    """A check made from one function, used for the provider and for each of its offers."""

    ask: Callable[[], Awaitable[CheckResult]]

    async def __call__(self) -> CheckResult:
        return await self.ask()

    async def check_model(self, model: str) -> CheckResult:
        """Ask the function, and say of its result that it is about this model."""
        return attrs.evolve(await self.ask(), model=model)

    def partial_result(self) -> CheckResult:
        """Return a timeout that knows nothing more: a function tells nothing until it is done."""
        return CheckResult(kind=OutcomeKind.TIMEOUT, facts=Facts(reachable=False))

    def remember(self, learned: Mapping[str, RequestShape]) -> None:
        """Ignore what was learned: a function asks as it does."""
