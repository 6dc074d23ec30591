"""The trackers that are one, as this one sees them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response

from api.http.openapi import describe, gives
from api.http.problems import Problem
from api.http.query import query
from api.routes.route import Route
from api.schemas import cluster as schemas
from api.schemas.convert import convert

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

ALONE = "This tracker is alone: its configuration has no [cluster]."


@attrs.frozen
class ClusterRoutes:
    tracker: "Tracker"

    def rules(self) -> Iterator[Route]:
        yield Route("GET", "/api/cluster", self.cluster)

    @describe("present", gives(schemas.Cluster), errors=[404])
    async def cluster(self) -> Response:
        """Members, leases, lag and skew of the cluster; 404 for a tracker that is alone."""
        query()
        report = self.tracker.cluster
        if report is None:
            raise Problem(status=404, detail=ALONE)
        shown = msgspec.json.encode(convert(schemas.Cluster, report))
        return Response(shown, content_type="application/json")
