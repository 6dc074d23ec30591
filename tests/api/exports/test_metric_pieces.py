"""api.exports.metric_pieces: what is kept is what would be written again, and only that."""

from operator import attrgetter
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from api.exports.metric_pieces import Column, MetricPieces, split_families
from api.exports.provider_lines import FamilyLines, make_families
from tests.helpers.idle_tracker import NOON, a_bare_provider, a_provider
from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import (
    EvidenceSource,
    OfferStatus,
    ProviderStatus,
    RateLimit,
    Uptime,
)
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence, TrafficTotal

NAMES = ("groq", "mistral", 'a "quoted" name')
OFFER = OfferStatus(
    model="llama",
    variant=None,
    status=Status.HEALTHY,
    usable=True,
    reason="",
    evidence=EvidenceSource.OFFER,
)
LIMITS = a_provider().rate_limit.limits
TOTALS = (TrafficTotal(outcome="ok", calls=8, latency_ms_sum=1234.5),)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(Status),
        "outcome": st.none() | st.sampled_from(OutcomeKind),
        "response_time_ms": st.none() | st.floats(0.0, 1e7),
        "last_check": st.none() | st.just(NOON),
        "uptime": st.builds(Uptime, day=st.none() | st.floats(0.0, 100.0)),
        "outcome_counts": st.sampled_from(
            [(), ((OutcomeKind.OK, 1),), ((OutcomeKind.OK, 1_000_000),)]
        ),
        "latencies": st.builds(LatencyHistogram, sum_seconds=st.floats(0.0, 1e7))
        | st.just(LatencyHistogram((0,) * 7 + (3,), 61.5)),
        "rate_limit": st.sampled_from(
            [
                RateLimit(),
                RateLimit(limits=LIMITS),
                RateLimit(limits=(attrs.evolve(LIMITS[0], name="to%kens"),)),
            ]
        ),
        "traffic": st.sampled_from(
            [None, ProviderTrafficView(evidence=TrafficEvidence(), totals=TOTALS)]
        ),
        "consecutive_failures": st.integers(0, 10**7),
        "offers": st.sampled_from(
            [(), (OFFER,), (attrs.evolve(OFFER, status=Status.DOWN, ttft_ms=80.0),)]
        ),
    },
)


def allow(_provider: str, _limit: str) -> bool:
    return True


def make_pieces() -> MetricPieces:
    heads = [f"# {number}\n".encode() for number, _ in enumerate(make_families(allow))]
    return MetricPieces([Column(*both) for both in zip(heads, make_families(allow), strict=True)])


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), CHANGES), min_size=2, max_size=6))
def test_providers_that_change_come_and_go_are_written_as_at_the_first_time(
    steps: list[dict[str, dict[str, Any]]],
) -> None:
    pieces, views = make_pieces(), {name: a_provider(name) for name in NAMES}
    for step in steps:
        for name, changes in step.items():
            views[name] = attrs.evolve(views[name], **changes)
        shown = {name: views[name] for name in step}
        assert pieces.blocks(shown) == make_pieces().blocks(shown)


@attrs.frozen
class Noting:
    """Writes one line of each view, and notes whose."""

    written: list[str]

    def pieces(self) -> MetricPieces:
        family = FamilyLines(attrgetter("consecutive_failures"), self.write)
        return MetricPieces([Column(b"# any\n", family)])

    def write(self, provider: ProviderStatus, label: str) -> str:
        self.written.append(provider.name)
        return f"{label} {provider.consecutive_failures}\n"


def test_only_what_shows_something_else_is_written_again() -> None:
    written: list[str] = []
    pieces = Noting(written).pieces()
    groq = a_provider()
    pieces.blocks({"groq": groq, "mistral": a_provider("mistral")})
    pieces.blocks({"groq": groq, "mistral": a_provider("mistral", checks_24h=1)})
    assert written == ["groq", "mistral"]
    failed = a_provider("mistral", consecutive_failures=1)
    (block,) = pieces.blocks({"groq": groq, "mistral": failed})
    assert written == ["groq", "mistral", "mistral"]
    assert block == b'# any\nprovider="groq"} 0\nprovider="mistral"} 1\n'


def test_kept_lines_of_a_provider_stay_while_others_come_and_go() -> None:
    written: list[str] = []
    pieces = Noting(written).pieces()
    groq, mistral = a_provider(), a_provider("mistral")
    for watched in ((groq,), (mistral, groq), (), (groq, mistral)):
        (block,) = pieces.blocks({each.name: each for each in watched})
        lines = "".join(f'provider="{each.name}"}} 0\n' for each in watched)
        assert block == b"# any\n" + lines.encode()
    assert written == ["groq", "mistral", "groq", "mistral"]


def test_families_that_did_not_change_are_not_joined_again() -> None:
    pieces = make_pieces()
    before = pieces.blocks({"groq": a_bare_provider("groq")})
    after = pieces.blocks({"groq": a_bare_provider("groq", checks_24h=1)})
    changed = [new for old, new in zip(before, after, strict=True) if old is not new]
    assert [b"llm_provider_probes_24h" in block for block in changed] == [True]


def test_what_the_client_writes_is_split_into_heads_and_lines() -> None:
    written = b"# HELP a A.\n# TYPE a gauge\na 1.0\n# HELP b B.\n# TYPE b gauge\n# EOF\n"
    found = [*split_families(written)]
    assert found == [
        (b"# HELP a A.\n# TYPE a gauge\n", b"a 1.0\n"),
        (b"# HELP b B.\n# TYPE b gauge\n", b""),
    ]
