"""Parts of pages that are made from the code, by the name a page asks for them with."""

from collections.abc import Callable

from docs.generate import (
    catalogue,
    command_line,
    configuration,
    contents,
    database,
    http_api,
    metrics,
    outcomes,
    python_names,
)

PARTS: dict[str, Callable[[], str]] = {
    "answer_kinds": outcomes.answer_kinds,
    "catalogue": catalogue.part,
    "chinese_words": outcomes.chinese_words,
    "command_line": command_line.part,
    "configuration": configuration.part,
    "contents": contents.part,
    "database": database.part,
    "firewall_signs": outcomes.firewall_signs,
    "http_api": http_api.part,
    "http_statuses": outcomes.statuses,
    "metrics": metrics.part,
    "outcomes": outcomes.kinds,
    "python_names": python_names.part,
    "refusal_claims": outcomes.refusal_claims,
    "refusal_codes": outcomes.refusal_codes,
    "refusal_words": outcomes.refusal_words,
}
