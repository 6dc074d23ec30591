"""Options that several commands share, and how they become a configuration."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from tracker.runtime.logs import Format

ConfigFile = Annotated[
    Path | None,
    Parameter(name="--config", help="Configuration file [default: tracker.toml if it exists]."),
]
Database = Annotated[
    str | None, Parameter(name="--database", help="SQLite file [default: provider_status.db].")
]
UnusedConfigFile = Annotated[
    Path | None, Parameter(name="--config", help="Taken as elsewhere, but nothing is read from it.")
]
UnusedDatabase = Annotated[
    str | None, Parameter(name="--database", help="Taken as elsewhere, but no database is used.")
]
Host = Annotated[str | None, Parameter(name="--host", help="Address to listen on.")]
Port = Annotated[
    int | None, Parameter(name="--port", help="Port to listen on; 0 picks a free one.")
]
LogFormat = Annotated[Format, Parameter(name="--log-format", help="How log lines look on stderr.")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    Parameter(name="--log-level", help="The least that is logged."),
]
AsJson = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print JSON for programs, no table.")
]
TrackerConfig = Annotated[
    Path | None,
    Parameter(
        name="--config",
        help="Configuration file of the tracker asked [default: tracker.toml if it exists].",
    ),
]
Url = Annotated[
    str | None,
    Parameter(
        name=["--url", "-u"],
        help="Where the tracker listens [default: PROVIDER_STATUS_URL, else as --config says].",
    ),
]
ReadToken = Annotated[
    str | None,
    Parameter(
        name="--token-env",
        help="Variable that holds the read token, if one is needed [default: as --config says].",
    ),
]
