"""``export``: the current status as a file, for spreadsheets or programs."""

import csv
import io
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.tracker_client import TrackerClient, without_control_characters
from api.exports.csv import COLUMNS

Output = Annotated[
    Path | None, Parameter(name=["--output", "-o"], help="File to write [default: stdout].")
]


class Row(msgspec.Struct):
    """A provider as in the CSV; null for an empty field."""

    provider_name: str
    status: str
    response_time_ms: float | None
    uptime_percent: float | None
    rate_limit_percent: float | None
    last_check_timestamp: str | None
    consecutive_failures: int


def export(
    *,
    output: Output = None,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Write the current status to a file, as CSV or JSON.

    The CSV is safe to open in a spreadsheet. --json writes the same rows as objects in a list
    "providers".
    """
    tracker = TrackerClient.for_reading(url, token_env, config)
    text = printable_lines(tracker.fetch("/api/providers/export/csv").text)
    if not text.startswith(",".join(COLUMNS)):
        raise tracker.not_a_tracker()
    if json:
        document = {"providers": _rows(tracker, text)}
        text = msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"
    write(text, output)
    return ExitCode.OK


def printable_lines(text: str) -> str:
    """Return the lines with a blank for each character that is not printable, as in answers."""
    return "\r\n".join(map(str, without_control_characters(text.split("\r\n"))))


def _rows(tracker: TrackerClient, text: str) -> list[Row]:
    read = csv.DictReader(io.StringIO(text, newline=""))
    rows: Any = [{name: value or None for name, value in row.items()} for row in read]
    return tracker.convert(rows, list[Row], strict=False)


def write(text: str, output: Path | None) -> None:
    """Write to the file, or to stdout. Raises UsageError."""
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())  # UTF-8 as in a file, whatever the terminal uses
        sys.stdout.buffer.flush()
        return
    try:
        output.write_text(text, newline="", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
