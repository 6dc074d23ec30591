"""History as CSV."""

import csv
import io
from datetime import timedelta

from api.exports.history_csv import BUCKETS, CHECKS, encode_history_csv
from tests.helpers.idle_tracker import NOON
from tracker.core.outcomes import OutcomeKind, Status
from tracker.store import Bucket, BucketLatency, History, RawPoint

OK = RawPoint(NOON, Status.HEALTHY, OutcomeKind.OK, 245.07)
BAD = RawPoint(NOON, Status.DOWN, OutcomeKind.SERVER, None, '=cmd|"x"\n, \u202e"and more"')


def rows(history: History) -> list[dict[str, str]]:
    text = b"".join(encode_history_csv(history)).decode()
    return [*csv.DictReader(io.StringIO(text, newline=""))]


def test_a_check_is_a_row_with_its_error() -> None:
    history = History(resolution_seconds=None, providers={"groq": (OK, BAD), "mistral": ()})
    good, bad = rows(history)
    assert tuple(good) == CHECKS
    assert good["timestamp"] == "2026-03-01T12:00:00.000Z"
    assert (good["response_time_ms"], good["error_message"]) == ("245.1", "")
    assert (bad["response_time_ms"], bad["outcome"]) == ("", "server")
    assert bad["error_message"] == "'" + BAD.error_message


def test_a_bucket_is_a_row_and_what_is_not_known_an_empty_cell() -> None:
    latency = BucketLatency(180.04, 244.06, 240.9, 402.7, 911.0)
    history = History(
        resolution_seconds=300.0,
        providers={
            "groq": (
                Bucket(NOON, 5, 1, 80.0, latency),
                Bucket(NOON + timedelta(seconds=300), 1, 0, None, None),
            )
        },
    )
    full, empty = rows(history)
    assert tuple(full) == BUCKETS
    assert (full["uptime_percent"], full["latency_p95_ms"]) == ("80.00", "402.7")
    assert (empty["uptime_percent"], empty["latency_p95_ms"], empty["checks"]) == ("", "", "1")


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    (row,) = rows(History(resolution_seconds=None, providers={"=1+1": (OK,)}))
    assert row["provider_name"] == "'=1+1"
