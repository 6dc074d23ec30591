"""Every fault of the network at once, through checks, actors and aggregator; long in torture."""

import math
import sys

import pytest

from benchmarks.torture.network import CASES, DNS, network_faults

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and Linux's backlog")


async def test_each_fault_is_classified_in_time_and_affects_no_other() -> None:
    outcome = await network_faults(3.0, limit=1.8, late=math.inf)  # torture times it
    assert outcome.wrong == ()
    assert outcome.figures["faults_passed"] == len(CASES) + len(DNS)
    assert outcome.figures["checks_of_the_well"] >= 10
