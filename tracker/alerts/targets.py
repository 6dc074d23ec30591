"""Sending to targets, with one thread per target, so that a slow one does not delay others."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import attrs
import trio

from tracker.alerts import apprise_target, webhook
from tracker.alerts.plain_text import plain_text
from tracker.alerts.webhook import DeliveryError
from tracker.config.errors import ConfigError, ConfigProblem
from tracker.core.incidents import Delivery
from tracker.core.redaction import MASK, Secret
from tracker.core.settings import AlertSettings, AlertTarget
from tracker.core.threads import in_thread

# Mail servers may be slow; a target that needs longer is tried again.
SEND_SECONDS = 30.0
ERROR_LENGTH = 200


def target_problem(target: AlertTarget) -> str | None:
    """Say why nothing can ever be sent to a target, None if it looks usable."""
    url = target.url.reveal()
    return None if webhook.is_webhook(url) else apprise_target.target_problem(url)


def check_targets(alerts: AlertSettings) -> None:
    """Raise ConfigError with every target that nothing can be sent to; none of them is shown."""
    found = ((target.name, target_problem(target)) for target in alerts.targets)
    mistakes = [
        ConfigProblem(key=f"{alerts.targets_env}, {name} (not shown)", problem=problem)
        for name, problem in found
        if problem
    ]
    if mistakes:
        raise ConfigError(mistakes)


@attrs.define(eq=False)
class Sender:
    """Sends to targets in threads. mask: masks secrets in errors."""

    mask: Callable[[str], str]
    _limiters: dict[str, trio.CapacityLimiter] = attrs.field(factory=dict)

    async def send(
        self, target: AlertTarget, delivery: Delivery, at: datetime, secret: Secret | None
    ) -> str:
        """Send one message; return what went wrong, or nothing.

        A thread that hangs is left behind; until it ends, its target alone gets nothing more.
        """
        job = partial(_send, target.url.reveal(), delivery, at, secret)
        limiter = self.limiter_of(target)
        error = f"no answer within {SEND_SECONDS:g} s"
        with trio.move_on_after(SEND_SECONDS):
            try:
                await in_thread(
                    job, expected=(DeliveryError,), limiter=limiter, abandon_on_cancel=True
                )
                error = ""
            except DeliveryError as failure:
                error = str(failure)
            except Exception as bug:  # noqa: BLE001 (180 services: one's bug must not stop the rest)
                error = f"{type(bug).__name__}: {bug}"
        return plain_text(self.mask(error).replace(MASK, "(hidden)"), ERROR_LENGTH)

    def limiter_of(self, target: AlertTarget) -> trio.CapacityLimiter:
        """Return the limiter of a target, whose token is held while the target is written to."""
        return self._limiters.setdefault(target.name, trio.CapacityLimiter(1))


def _send(url: str, delivery: Delivery, at: datetime, secret: Secret | None) -> None:
    if webhook.is_webhook(url):
        webhook.post(url, delivery.key, at, delivery.data.encode(), secret)
    else:
        apprise_target.notify(url, delivery.title, delivery.body)
