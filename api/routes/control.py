"""Actions of operators: check now, tune. All need the admin token."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import trio
from quart import Response, request

from api.http.auth import require_admin
from api.http.body import read_body
from api.http.openapi import describe, gives
from api.http.problems import Problem, bad_request, no_provider
from api.http.query import query, single
from api.http.response_cache import JSON
from api.routes.route import Route
from api.schemas import operations as schemas
from api.schemas.convert import convert, instant, view_provider
from api.schemas.status import Provider
from tracker.core.outcomes import CheckResult
from tracker.core.settings import ServerSettings
from tracker.core.snapshot import Snapshot

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker


SHOWN = 100  # characters of an unknown model id in an error
STORE_SECONDS = 2.0  # a commit takes milliseconds; longest wait for a locked database
NOT_STORED = '199 - "not stored yet: the database has not answered"'


@attrs.frozen
class ControlRoutes:
    tracker: "Tracker"
    settings: ServerSettings

    def rules(self) -> Iterator[Route]:
        """Yield the paths that check providers now and change their settings."""
        yield Route("POST", "/api/providers/check", self.check_all)
        yield Route("POST", "/api/providers/<name:name>/check", self.check)
        yield Route("PATCH", "/api/providers/<name:name>", self.tune)

    @describe("control", gives(schemas.Outcomes), errors=[503], admin=True)
    async def check_all(self) -> Response:
        """Check every provider now.

        Joins the checks already in progress. The status has the results when this answers.
        """
        self._admit()
        return await self._check()

    @describe(
        "control",
        gives(schemas.Outcomes),
        errors=[404, 503],
        query=schemas.CheckQuery,
        admin=True,
    )
    async def check(self, name: str) -> Response:
        """Check one provider now, or with ``model`` one offer of it that is watched.

        An offer's outcome stands under "provider/model".
        """
        self._admit("model")
        if (model := single(query("model"), "model")) is None:
            return await self._check(name)
        if name not in self.tracker.snapshot.providers:
            raise no_provider(name)
        try:
            result = await self.tracker.check_offer(name, model)
        except KeyError:
            raise _no_offer(self.tracker.snapshot, name, model) from None
        return json_response(_view_offer(self.tracker.snapshot, name, model, result))

    @describe(
        "control",
        gives(Provider),
        gives(Provider, status=202, says="In force, but not stored yet."),
        errors=[404, 413, 415, 503],
        body=schemas.TuningBody,
        admin=True,
    )
    async def tune(self, name: str) -> Response:
        """Change a provider's interval, or switch it off or on: at once and for later starts.

        null returns to the file's value; what is absent stays as it is. Answered when the change
        is stored; 202 while the database is away or too slow, when a restart would forget it.
        """
        self._admit()
        changes = _read_change(await _tuning())
        try:
            await self.tracker.tune(name, **changes)
        except KeyError:
            raise no_provider(name) from None
        except ValueError as error:
            raise bad_request(str(error)) from None
        stored = await self.tracker.store_settings(STORE_SECONDS)
        if (provider := self.tracker.snapshot.providers.get(name)) is None:
            raise no_provider(name)  # a reload has removed it
        response = json_response(view_provider(provider))
        if not stored:
            response.status_code = 202
            response.headers["Warning"] = NOT_STORED
        return response

    async def _check(self, *names: str) -> Response:
        try:
            outcomes = await self.tracker.check(*names)
        except KeyError:
            raise no_provider(names[0]) from None
        snapshot = self.tracker.snapshot

        def encode() -> bytes:
            return msgspec.json.encode(_view(snapshot, outcomes))

        # In a thread: of three thousand it takes 35 ms.
        return json_response(msgspec.Raw(await trio.to_thread.run_sync(encode)))

    def _admit(self, *parameters: str) -> None:
        require_admin(self.settings, request.headers.get("Authorization"))
        query(*parameters)


async def _tuning() -> schemas.ProviderPatch:
    """Raise Problem on anything but a JSON object of known fields."""
    tuning = await read_body(schemas.ProviderPatch)
    if not _read_change(tuning):
        raise bad_request("nothing to change: give interval_seconds, enabled or both")
    return tuning


def _read_change(tuning: schemas.ProviderPatch) -> dict[str, Any]:
    given = {"interval_seconds": tuning.interval_seconds, "enabled": tuning.enabled}
    return {name: value for name, value in given.items() if value is not msgspec.UNSET}


def _view(snapshot: Snapshot, results: dict[str, CheckResult]) -> schemas.Outcomes:
    return schemas.Outcomes(
        timestamp=instant(snapshot.timestamp),
        outcomes={
            name: convert(schemas.Outcome, result, status=snapshot.providers[name].status.value)
            for name, result in results.items()
            if name in snapshot.providers  # a reload may have removed one
        },
    )


def _view_offer(snapshot: Snapshot, name: str, model: str, result: CheckResult) -> schemas.Outcomes:
    """Return the checked offer's outcome; nothing when a reload has just removed the offer."""
    provider = snapshot.providers.get(name)
    offers = () if provider is None else provider.offers
    return schemas.Outcomes(
        timestamp=instant(snapshot.timestamp),
        outcomes={
            f"{name}/{model}": convert(schemas.Outcome, result, status=offer.status.value)
            for offer in offers
            if offer.model == model
        },
    )


def _no_offer(snapshot: Snapshot, name: str, model: str) -> Problem:
    watched = [offer.model for offer in snapshot.providers[name].offers]
    near = get_close_matches(model[:SHOWN], watched, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    detail = f"{model[:SHOWN]!r} is not in models of {name}, so it is not watched{hint}"
    return Problem(status=404, title="No such offer", detail=detail)


def json_response(value: object) -> Response:
    """Encode a value as JSON that is never cached."""
    response = Response(msgspec.json.encode(value), content_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response
