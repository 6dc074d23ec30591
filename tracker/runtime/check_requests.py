"""Who waits for a check on request of one provider or of one of its offers."""

from collections.abc import Collection

import attrs
import trio

from tracker.core.outcomes import CheckResult


@attrs.define(eq=False)
class CheckRequest:
    """A request for a check, answered with its result; None: it will not be made."""

    model: str | None
    answered: trio.Event = attrs.field(factory=trio.Event)
    result: CheckResult | None = None


@attrs.define(eq=False)
class CheckRequests:
    """``waiting``: those not answered yet, oldest first. model: None for the provider itself."""

    waiting: list[CheckRequest] = attrs.field(factory=list)

    def add(self, model: str | None) -> CheckRequest:
        """Ask for a check."""
        request = CheckRequest(model)
        self.waiting.append(request)
        return request

    def wants(self, model: str | None) -> bool:
        """Return whether somebody waits for a check of it."""
        return any(request.model == model for request in self.waiting)

    def answer(self, result: CheckResult) -> None:
        """Answer those who wait for a check of the target of this result."""
        if not self.waiting:
            return
        asked = [request for request in self.waiting if request.model == result.model]
        self.waiting = [request for request in self.waiting if request.model != result.model]
        for request in asked:
            request.result = result
            request.answered.set()

    def keep(self, models: Collection[str | None]) -> None:
        """Answer those who wait for anything else: there will be no check of it."""
        for request in self.waiting:
            if request.model not in models:
                request.answered.set()
        self.waiting = [request for request in self.waiting if request.model in models]
