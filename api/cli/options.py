"""Options that several commands share, and loading the configuration from them."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from tracker.runtime.logs import Format

ConfigFile = Annotated[
    Path | None,
    Parameter(name=["--config", "-c"], help="Config file [default: tracker.toml if it exists]."),
]
Database = Annotated[
    str | None,
    Parameter(name=["--database", "-d"], help="SQLite file [default: provider_status.db]."),
]
UnusedConfigFile = Annotated[
    Path | None, Parameter(name=["--config", "-c"], help="Ignored: no file is read.")
]
UnusedDatabase = Annotated[
    str | None, Parameter(name=["--database", "-d"], help="Ignored: no database is used.")
]
Host = Annotated[
    str | None, Parameter(name=["--host", "-H"], help="Address to listen on [default: 127.0.0.1].")
]
Port = Annotated[
    int | None,
    Parameter(name=["--port", "-p"], help="Port to listen on; 0 picks a free one [default: 8000]."),
]
LogFormat = Annotated[Format, Parameter(name="--log-format", help="Format of log lines on stderr.")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    Parameter(name=["--log-level", "-l"], help="Lowest level that is logged."),
]
AsJson = Annotated[
    bool,
    Parameter(name=["--json", "-j"], negative=(), help="Print JSON instead of a table."),
]
TrackerConfig = Annotated[
    Path | None,
    Parameter(
        name=["--config", "-c"],
        help="Configuration file of the running tracker [default: tracker.toml if it exists].",
    ),
]
Url = Annotated[
    str | None,
    Parameter(
        name=["--url", "-u"],
        help="The tracker's address [default: PROVIDER_STATUS_URL, else from --config].",
    ),
]
ReadToken = Annotated[
    str | None,
    Parameter(
        name="--token-env",
        help="Variable with the read token, if one is needed [default: from --config].",
    ),
]
