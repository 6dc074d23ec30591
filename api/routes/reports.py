"""Reports of real calls from proxies, and traffic over time."""

from collections.abc import Iterator
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response, request

from api.http.auth import require_reporter
from api.http.history_stream import encode_traffic
from api.http.large_answers import gather, respond_in_pieces
from api.http.openapi import NOT_MODIFIED, Token, describe, failure, gives
from api.http.problems import Problem, bad_request, no_provider
from api.http.query import Given, parse_whole, query, single
from api.http.response_cache import JSON
from api.http.time_span import read_hours
from api.routes.history import MOST_SECONDS, query_store
from api.routes.route import Route
from api.schemas import reports as schemas
from api.schemas.convert import convert
from api.schemas.problem import PROBLEM
from tracker.core.clock import Clock
from tracker.core.settings import Config
from tracker.core.slices import forgotten
from tracker.reports.parsing import InvalidBatchError, TooLargeError
from tracker.reports.schema import ReportBatch
from tracker.runtime.report_receiver import ReportReceipt, TooManyReportsError

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

POINTS = 1_440  # per provider, when we choose their size: a day in minutes
SIZES = (60, 300, 900, 3_600)


@attrs.frozen
class ReportRoutes:
    """``config``: the one at the start, for its tokens."""

    tracker: "Tracker"
    config: Config
    clock: Clock = Clock()

    def rules(self) -> Iterator[Route]:
        """Yield the paths that take reports of real calls and show what they add up to."""
        yield Route("POST", "/api/reports", self.report)
        yield Route("GET", "/api/providers/traffic", self.traffic)
        yield Route("GET", "/api/providers/traffic/<name:name>", self.traffic_of)

    @describe(
        "reports",
        gives(schemas.Receipt, status=202),
        failure(429, schemas.TooManyReports),
        errors=[413, 415, 503],
        body=ReportBatch,
        token=Token.REPORT,
    )
    async def report(self) -> Response:
        """Report real calls, one report for each attempt.

        Failures make the tracker check sooner, successes rarer. A report is taken once, however
        often its id is sent within a day. Fields that are not listed are refused by name.
        """
        require_reporter(self.config, request.headers.get("Authorization"))
        query()
        if request.mimetype != JSON:
            raise Problem(status=415, detail=f"send the reports as {JSON}")
        try:
            receipt = await self.tracker.report(await _body())
        except TooLargeError as error:
            raise Problem(status=413, detail=str(error)) from None
        except InvalidBatchError as error:
            raise bad_request(str(error)) from None
        except TooManyReportsError as error:
            return _too_many(error)
        return _json(_view(receipt), 202)

    @describe(
        "past",
        gives(schemas.TrafficHistory),
        NOT_MODIFIED,
        errors=[503, 504],
        query=schemas.TrafficQuery,
    )
    async def traffic(self) -> Response:
        """Return every provider's real calls, as reported by proxies."""
        return await self._traffic(query("hours", "resolution"), *self.tracker.snapshot.providers)

    @describe(
        "past",
        gives(schemas.TrafficHistory),
        NOT_MODIFIED,
        errors=[404, 503, 504],
        query=schemas.TrafficQuery,
    )
    async def traffic_of(self, name: str) -> Response:
        """Return one provider's real calls."""
        given = query("hours", "resolution")
        if name not in self.tracker.snapshot.providers:
            raise no_provider(name)
        return await self._traffic(given, name)

    async def _traffic(self, given: Given, *names: str) -> Response:
        hours = read_hours(given)
        seconds = _resolution(given, hours)
        found = await query_store(
            self.tracker.records.traffic,
            names,
            since=self.clock.now() - timedelta(hours=hours),
            resolution=seconds,
        )
        async with forgotten(found):
            return respond_in_pieces(await gather(encode_traffic(found, hours, seconds)))


async def _body() -> bytes:
    body = await request.get_data()
    return body.encode() if isinstance(body, str) else body


def _resolution(given: Given, hours: int) -> int:
    text = single(given, "resolution")
    if text is not None:
        return parse_whole("resolution", text, least=SIZES[0], most=MOST_SECONDS)
    least = ceil(hours * 3600 / POINTS)
    return next((size for size in SIZES if size >= least), SIZES[-1])


def _view(receipt: ReportReceipt) -> schemas.Receipt:
    return convert(schemas.Receipt, receipt)


def _too_many(error: TooManyReportsError) -> Response:
    told = schemas.TooManyReports(
        title="Too Many Requests",
        status=429,
        detail=f"too many reports for now: send this batch again after {error.retry_after:.1f} s, "
        f"and then at most every {error.send_every_seconds:g} s",
        send_every_seconds=error.send_every_seconds,
    )
    response = _json(told, 429)
    response.headers["Content-Type"] = PROBLEM
    response.headers["Retry-After"] = str(ceil(error.retry_after))
    return response


def _json(value: object, status: int) -> Response:
    response = Response(msgspec.json.encode(value), status, content_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response
