"""The cluster as this tracker sees it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response

from api.exports.history_csv import encode_history_csv
from api.http.etags import respond
from api.http.large_answers import gather, respond_in_pieces
from api.http.openapi import NOT_MODIFIED, describe, gives
from api.http.problems import Problem, no_provider
from api.http.query import choice, query, whole_number
from api.http.response_cache import answer_of
from api.routes.history import CSV, download, query_store
from api.routes.route import Route
from api.schemas import cluster as schemas
from api.schemas import history
from api.schemas.convert import convert
from tracker.core.clock import Clock
from tracker.runtime.long_history import MOST_DAYS, LongHistory, resolution_of

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

ALONE = "This tracker is not part of a cluster: its configuration has no [cluster]."


@attrs.frozen
class ClusterRoutes:
    tracker: "Tracker"
    clock: Clock = Clock()

    def rules(self) -> Iterator[Route]:
        """Yield the paths about the cluster and its long history."""
        yield Route("GET", "/api/cluster", self.cluster)
        yield Route("GET", "/api/cluster/history/<name:name>", self.long_history)

    @describe("present", gives(schemas.Cluster), errors=[404])
    async def cluster(self) -> Response:
        """Return the cluster's members, leases, lag and clock skew.

        404 for a tracker that is alone.
        """
        query()
        report = self.tracker.cluster
        if report is None:
            raise Problem(status=404, detail=ALONE)
        shown = msgspec.json.encode(convert(schemas.Cluster, report))
        return Response(shown, content_type="application/json")

    @describe(
        "past",
        gives(history.LongHistory, also=CSV),
        NOT_MODIFIED,
        errors=[404, 503, 504],
        query=history.LongHistoryQuery,
    )
    async def long_history(self, name: str) -> Response:
        """Return one provider's checks of up to 90 days, in buckets, as this vantage made them.

        Hours up to 7 days, quarters of a day up to 30, else days. Each bucket is from the side
        that counted more checks in it: the hub, whose latencies are exact to 5 %, or this
        tracker. With the hub away ``hub`` says why, and the rest is what this tracker keeps itself.
        404 for a tracker that is alone.
        """
        given = query("days", "format")
        days = whole_number(given, "days", default=30, least=1, most=MOST_DAYS)
        shape = choice(given, "format", ("json", "csv"))
        if name not in self.tracker.snapshot.providers:
            raise no_provider(name)
        seconds = resolution_of(days)
        since = self.clock.now() - timedelta(days=days)
        found = await query_store(
            self.tracker.records.long_history, (name,), since=since, seconds=seconds
        )
        if found is None:
            raise Problem(status=404, detail=ALONE)
        if shape == "csv":
            answer = await gather(encode_history_csv(found.history))
            return respond_in_pieces(answer, CSV, download("history"))
        return await respond(answer_of(msgspec.json.encode(_view(found, days, seconds))))


def _view(found: LongHistory, days: int, seconds: int) -> history.LongHistory:
    return history.LongHistory(
        days=days,
        resolution_seconds=seconds,
        hub=history.HubAnswer(up=not found.away, reason=found.away),
        providers={
            each: [convert(history.Bucket, point) for point in points]
            for each, points in found.history.providers.items()
        },
    )
