"""Which provider to use next: policies, their rankings, and protection from faulty policies."""

from tracker.core.ranking import Excluded, Ranked, Ranking
from tracker.ranking.expected_cost import ExpectedCost
from tracker.ranking.guard import FallbackRanker
from tracker.ranking.load import DEFAULT, SHIPPED, load_policy
from tracker.ranking.lowest_latency import lowest_latency
from tracker.ranking.peak_ewma import PeakEwma
from tracker.ranking.policy import SAMPLES, Candidate, Policy, PolicyError, Sample
from tracker.ranking.rank import filter_ranking, rank

__all__ = [
    "DEFAULT",
    "SAMPLES",
    "SHIPPED",
    "Candidate",
    "Excluded",
    "ExpectedCost",
    "FallbackRanker",
    "PeakEwma",
    "Policy",
    "PolicyError",
    "Ranked",
    "Ranking",
    "Sample",
    "filter_ranking",
    "load_policy",
    "lowest_latency",
    "rank",
]
