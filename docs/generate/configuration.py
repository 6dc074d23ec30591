"""tracker.toml, from its JSON Schema."""

import json
from collections.abc import Iterator
from typing import Any

from docs.generate.tables import code, table
from tracker.config.show import config_schema

TABLES = (
    ("TrackerTable", "`[tracker]`", "The timings and thresholds hold for every provider."),
    ("ServerTable", "`[server]`", ""),
    ("RankingTable", "`[ranking]`", "See [Which provider next](../ranking.md)."),
    ("AlertsTable", "`[alerts]`", "See [Alerts](../how-to/alerts.md)."),
    (
        "MaintenanceTable",
        "`[[maintenance]]`",
        "As often as needed; each with `start` and `end`, or with `weekly`.",
    ),
    (
        "ClusterTable",
        "`[cluster]`",
        "Many trackers as one; left out, a tracker is alone. See "
        "[Two replicas](../how-to/two-replicas.md) and [Three vantages](../how-to/vantages.md).",
    ),
    (
        "ProviderTable",
        "`[providers.NAME]`",
        "NAME from the [catalogue](catalogue.md): only what differs. Any other NAME: `kind` and "
        "`base_url` are needed. A timing without a value here is that of `[tracker]`, or of the "
        "kind where it has one.",
    ),
)


def part() -> str:
    tables = config_schema()["$defs"]
    return "\n".join(section(tables[name], *words) for name, *words in TABLES)


def section(schema: dict[str, Any], title: str, about: str) -> str:
    rows = sorted(schema["properties"].items(), key=lambda item: "default" not in item[1])
    head = ("key", "type", "default", "meaning")
    lines = ((code(name), kind(value), default(value), meaning(value)) for name, value in rows)
    return "\n\n".join(filter(None, (f"## {title}", about, table(head, lines))))


def kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(code, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    return ", ".join([schema.get("type", "anything"), *bounds(schema)])


def bounds(schema: dict[str, Any]) -> Iterator[str]:
    for keyword, words in (
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ):
        if keyword in schema:
            yield f"{words}\N{NO-BREAK SPACE}{schema[keyword]:,.12g}"


def default(schema: dict[str, Any]) -> str:
    return code(json.dumps(schema["default"])) if "default" in schema else ""


def meaning(schema: dict[str, Any]) -> str:
    return schema.get("description") or schema.get("items", {}).get("description", "")
