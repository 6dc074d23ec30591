"""The command line with bugs planted in every layer that may hold a key: each exception contains
the key, raw, URL-encoded and in base64. tests/process/test_secrets_canary.py runs it.
"""

import os
from typing import Any

import api.routes.models
import tracker.probes.session
from api.cli import main
from api.http.openapi import NOT_MODIFIED, describe
from tracker.health.provider_state import ProviderState
from tracker.runtime.actor import CheckActor

KEYS = os.environ["CANARIES"].split()


class OurBugError(Exception):
    """Ours, with every key in its text."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}: {' '.join(KEYS)}")


def once_for(name: str, place: type, method: str, where: str) -> None:
    """That method crashes, the first time, for that provider."""
    right, left = getattr(place, method), [1]

    def wrong(self: Any, *rest: Any, **more: Any) -> Any:
        if self.provider.name == name and left:
            left.clear()
            raise OurBugError(where)
        return right(self, *rest, **more)

    setattr(place, method, wrong)


async def fails(_: object) -> None:
    raise OurBugError("the endpoint")


def unless_refused(reply: Any, **more: Any) -> Any:
    """Classification has a bug with web pages."""
    if b"<html" in reply.body:
        raise OurBugError("classification")
    return classify(reply, **more)


classify = tracker.probes.session.classify
tracker.probes.session.classify = unless_refused
once_for("raw", CheckActor, "_reschedule", "the actor")
once_for("auth", ProviderState, "record_check", "the aggregator")
api.routes.models.ModelRoutes.listed = describe("models", NOT_MODIFIED)(fails)
main()
