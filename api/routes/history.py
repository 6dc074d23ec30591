"""Answers about the past: the only ones that read the database, within limits."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs
import trio
from quart import Response

from api.exports.changes_csv import encode_changes_csv
from api.exports.history_csv import encode_history_csv
from api.http.history_stream import encode_changes, encode_history
from api.http.large_answers import gather, respond_in_pieces
from api.http.openapi import NOT_MODIFIED, describe, gives
from api.http.problems import Problem, bad_request, no_provider
from api.http.query import Given, choice, parse_whole, query, single, whole_number
from api.http.time_span import MOST_HOURS, PARAMETERS, read_span
from api.routes.route import Route
from api.schemas import history as schemas
from tracker.core.clock import Clock
from tracker.core.slices import forgotten
from tracker.store import HistoryTooLarge, StoreUnavailable

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

MOST_SECONDS = MOST_HOURS * 3600
KNOWN = (*PARAMETERS, "resolution", "model", "format")
CSV = "text/csv; charset=utf-8"
MOST_CHANGES = 10_000  # an answer; about 2 MB
# The store reads for two requests at a time; a longer wait than this is an error.
LIMIT_SECONDS = 10.0


@attrs.frozen
class HistoryRoutes:
    """A client that disconnects cancels its query."""

    tracker: "Tracker"
    clock: Clock = Clock()

    def rules(self) -> Iterator[Route]:
        """Yield the paths of checks and status changes in the past."""
        yield Route("GET", "/api/providers/history", self.history)
        yield Route("GET", "/api/providers/history/<name:name>", self.history_of)
        yield Route("GET", "/api/providers/changes", self.changes)

    @describe(
        "past",
        gives(schemas.RawHistory, schemas.BucketHistory, also="text/csv"),
        NOT_MODIFIED,
        errors=[503, 504],
        query=schemas.HistoryQuery,
    )
    async def history(self) -> Response:
        """Return every provider's past checks, singly or in buckets; as CSV with ``format=csv``."""
        return await self._history(query(*KNOWN))

    @describe(
        "past",
        gives(schemas.RawHistory, schemas.BucketHistory, also="text/csv"),
        NOT_MODIFIED,
        errors=[404, 503, 504],
        query=schemas.HistoryQuery,
    )
    async def history_of(self, name: str) -> Response:
        """Return one provider's past checks, singly or in buckets; as CSV with ``format=csv``."""
        given = query(*KNOWN)
        if name not in self.tracker.snapshot.providers:
            raise no_provider(name)
        return await self._history(given, name)

    @describe(
        "past",
        gives(schemas.Changes, also="text/csv"),
        NOT_MODIFIED,
        errors=[404, 503, 504],
        query=schemas.ChangesQuery,
    )
    async def changes(self) -> Response:
        """Return what changed: statuses, the best provider, offers, incidents and model lists.

        The newest ``limit`` of the time asked for, oldest first; as CSV with ``format=csv``.
        """
        given = query(*PARAMETERS, "provider", "limit", "format")
        span, name = read_span(given, self.clock.now()), single(given, "provider")
        shape = choice(given, "format", ("json", "csv"))
        limit = whole_number(given, "limit", default=500, least=1, most=MOST_CHANGES)
        if name is not None and name not in self.tracker.snapshot.providers:
            raise no_provider(name)
        found = await query_store(
            self.tracker.records.changes, name, since=span.since, until=span.until, limit=limit
        )
        if shape == "csv":
            answer = await gather(encode_changes_csv(found))
            return respond_in_pieces(answer, CSV, download("changes"))
        return respond_in_pieces(await gather(encode_changes(found, span.hours)))

    async def _history(self, given: Given, *names: str) -> Response:
        span = read_span(given, self.clock.now())
        raw, seconds = _resolution(given)
        shape = choice(given, "format", ("json", "csv"))
        found = await query_store(
            self.tracker.records.history,
            names or tuple(self.tracker.snapshot.providers),  # without providers no longer watched
            since=span.since,
            until=span.until,
            resolution=seconds,
            raw=raw,
            model=single(given, "model"),
        )
        async with forgotten(found.providers):
            if shape == "csv":
                answer = await gather(encode_history_csv(found))
                return respond_in_pieces(answer, CSV, download("history"))
            return respond_in_pieces(await gather(encode_history(found, span.hours)))


def download(what: str) -> dict[str, str]:
    """Return the header that names the file of a download."""
    return {"Content-Disposition": f'attachment; filename="provider_{what}.csv"'}


def _resolution(given: Given) -> tuple[bool, float | None]:
    """Return whether single checks are wanted, and else the buckets' size in seconds if given."""
    text = single(given, "resolution")
    if text is None or text == "raw":
        return text == "raw", None
    return False, parse_whole("resolution", text, least=1, most=MOST_SECONDS, beside="raw or ")


async def query_store(ask: Any, *arguments: Any, **options: Any) -> Any:
    """Return the store's answer. Raises Problem: 400 too much, 503 away, 504 too slow."""
    try:
        with trio.fail_after(LIMIT_SECONDS):
            return await ask(*arguments, **options)
    except HistoryTooLarge as error:
        raise bad_request(str(error)) from None
    except StoreUnavailable as error:
        raise Problem(
            status=503,
            title="The database is unavailable",
            detail=f"{error.reason}; the current status is not affected",
            headers=(("Retry-After", "5"),),
        ) from None
    except trio.TooSlowError:
        raise Problem(
            status=504,
            detail=f"the history was not read within {LIMIT_SECONDS:g} s; ask for fewer hours, "
            "for one provider, or try again later",
        ) from None
