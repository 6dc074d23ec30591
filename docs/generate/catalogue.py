"""The catalogue's entries and dialects, from catalogue.toml."""

from docs.generate.tables import code, codes, table
from tracker.config.catalogue import ApiKind, CatalogueEntry, load_catalogue, load_dialects
from tracker.core.rate_limits import LimitReading

LISTS = {True: "answers without a key", False: "needs the key", None: "not known"}


def part() -> str:
    entries, dialects = load_catalogue().values(), load_dialects().values()
    rows = (
        (f"[{e.name}](#{e.name.replace('_', '-')})", code(e.kind), code(e.check), enabled_by(e))
        for e in entries
    )
    parts = [
        table(("provider", "kind", "check", "watched when set"), rows),
        "## Kinds\n\n"
        + table(("kind", "checks, the default first", "options"), map(kind, dialects)),
        *map(section, entries),
    ]
    return "\n".join(parts)


def kind(dialect: ApiKind) -> tuple[str, str, str]:
    return code(dialect.name), codes(dialect.checks), codes(dialect.options)


def enabled_by(entry: CatalogueEntry) -> str:
    needed = [*(entry.keys[:1] if entry.needs_key else ()), *entry.required.values()]
    if entry.base_url is None:
        needed.append(entry.base_variable)
    return codes(needed) or "always: it needs no key"


def section(entry: CatalogueEntry) -> str:
    rows = [(name, value) for name, value in facts(entry) if value]
    return f"## {entry.name}\n\n{table(('', ''), rows)}"


def facts(entry: CatalogueEntry) -> list[tuple[str, str]]:
    options = {**entry.required, **entry.optional}
    return [
        ("base URL", code(entry.base_url) or "none known"),
        ("moved by", code(entry.base_variable)),
        ("key", codes(entry.keys) + ("" if entry.needs_key else " (optional)")),
        ("options from", ", ".join(f"`{o}` from `{v}`" for o, v in options.items())),
        ("checks", codes(entry.checks)),
        ("a check spends", entry.cost),
        ("model list", LISTS[entry.list_public]),
        ("limits told", entry.limits_told),
        ("documented limits", "; ".join(map(limit, entry.limits))),
        ("read", f"{entry.limits_read}: {entry.limits_source}" if entry.limits_read else ""),
        ("verified", "recorded shapes only"),
        ("note", entry.note),
        ("source", entry.source),
    ]


def limit(reading: LimitReading) -> str:
    amount = "" if reading.limit is None else f"{reading.limit:,.0f}"
    return f"{reading.name} {amount}"
