"""What counts as a message sent, repeated, resolved or failed."""

import attrs
import pytest

from tracker.alerts.counts import AlertCounts
from tracker.core.incidents import MessageKind


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (MessageKind.OPENED, {"sent": 1}),
        (MessageKind.REMINDER, {"repeated": 1}),
        (MessageKind.RESOLVED, {"resolved": 1}),
    ],
)
def test_a_delivered_message_counts_by_its_kind_and_a_failed_one_as_failed(
    kind: MessageKind, counted: dict[str, int]
) -> None:
    counts = AlertCounts()
    counts.add_attempt(kind, "")
    assert {name: n for name, n in attrs.asdict(counts).items() if n} == counted
    counts.add_attempt(kind, "HTTP 500")
    assert {name: n for name, n in attrs.asdict(counts).items() if n} == counted | {"failed": 1}
