"""Exchanging each vantage's ranking through the hub. Only with [cluster]."""

from datetime import datetime, timedelta
from functools import partial

import attrs
import msgspec
import structlog
import trio

from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Hub, HubAway
from tracker.cluster.leases import LeaseKeeper
from tracker.core.clock import Clock
from tracker.core.cluster import VantageRanking
from tracker.core.ranking import Excluded, Ranked, Ranking
from tracker.core.stored_json import read_stored
from tracker.runtime.board import Board

log = structlog.get_logger()

GAP_SECONDS = 5.0  # between two publications: with a thousand providers each is 300 kB
ASK_SECONDS = 2.0  # somebody is waiting for the answer


@attrs.frozen(kw_only=True)
class _Wire:
    reason: str
    ranked: tuple[Ranked, ...]
    excluded: tuple[Excluded, ...]
    valid_until: datetime | None
    policy: str


@attrs.define(eq=False)
class VantageRankings:
    """``run`` publishes ours when it has changed; ``ask`` reads another's."""

    caller: HubCaller
    keeper: LeaseKeeper
    board: Board
    clock: Clock = attrs.field(factory=Clock)

    async def run(self) -> None:
        """Publish our ranking each time that it changed, until cancelled."""
        shown = ""
        while True:
            await self.keeper.origin.known.wait()
            text = encode_ranking(self.board.latest.ranking)
            vantage = self.keeper.origin.vantage
            if text != shown and self.board.latest.swept:
                try:
                    await self.caller.data(partial(_publish, vantage, text))
                except HubAway as error:
                    log.debug("ranking not published", reason=error.reason)
                else:
                    shown = text
            await trio.sleep(GAP_SECONDS)

    async def ask(self, vantage: str) -> VantageRanking | None:
        """Return a vantage's own ranking; None where it has published none. Raises HubAway."""
        rows = await self.caller.data(lambda hub: hub.rankings(), ASK_SECONDS)
        row = next((row for row in rows if row.vantage == vantage), None)
        if row is None:
            return None
        try:
            ranking = decode_ranking(row.ranking)
        except (msgspec.DecodeError, ValueError) as error:
            raise HubAway("the ranking comes from another version of the tracker") from error
        return VantageRanking(
            ranking=ranking, ranked_at=self.clock.now() - timedelta(seconds=row.age)
        )


def _publish(vantage: str, text: str, hub: Hub) -> None:
    hub.publish_ranking(vantage, text)


def encode_ranking(ranking: Ranking) -> str:
    """Encode a ranking as JSON for the hub; the time-outs are each reader's own."""
    wire = _Wire(
        reason=ranking.reason,
        ranked=tuple(attrs.evolve(line, timeout_ms=0.0) for line in ranking.ranked),
        excluded=ranking.excluded,
        valid_until=ranking.valid_until,
        policy=ranking.policy,
    )
    return msgspec.json.encode(wire).decode()


def decode_ranking(text: str) -> Ranking:
    """Decode a ranking. Raises msgspec.DecodeError, ValueError for one of another version."""
    wire = read_stored(text, _Wire)
    return Ranking(
        reason=wire.reason,
        ranked=wire.ranked,
        excluded=wire.excluded,
        valid_until=wire.valid_until,
        policy=wire.policy,
    )
