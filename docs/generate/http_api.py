"""The HTTP API, from the OpenAPI document of the running application."""

from collections.abc import Iterator
from typing import Any

import trio

from api.app import create_app
from api.docs_page import shape
from docs.generate.running import quiet_tracker
from docs.generate.tables import code, table

TITLES = {
    "present": "The present",
    "past": "The past",
    "control": "Control",
    "operations": "Operations",
    "badges": "Badges",
}


def part() -> str:
    described = trio.run(_document)
    topics: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            text = endpoint(method.upper(), path, operation)
            topics.setdefault(operation["tags"][0], []).append(text)
    parts = []
    for topic in sorted(topics, key=[*TITLES, *topics].index):
        parts += [f"## {TITLES.get(topic, topic.capitalize())}\n", *topics[topic]]
    parts.append("## Shapes\n")
    parts += [model(*item) for item in sorted(described["components"]["schemas"].items())]
    return "\n".join(parts)


async def _document() -> dict[str, Any]:
    async with quiet_tracker() as tracker:
        response = await create_app(tracker).test_client().get("/openapi.json")
        described: dict[str, Any] = await response.get_json()
        return described


def endpoint(method: str, path: str, operation: dict[str, Any]) -> str:
    text = f"### `{method} {path}`\n\n{operation.get('summary', '')}\n"
    if operation.get("description"):
        text += f"\n{in_markdown(operation['description'])}\n"
    if operation.get("security"):
        text += "\nNeeds `Authorization: Bearer` with the admin token.\n"
    if body := operation.get("requestBody"):
        text += f"\nBody: {linked(next(iter(body['content'].values()))['schema'])}.\n"
    if operation.get("parameters"):
        head = ("parameter", "in", "type", "meaning")
        text += "\n" + table(head, map(parameter, operation["parameters"]))
    return text + "\n" + table(("answer", "body", ""), answers(operation["responses"]))


def parameter(given: dict[str, Any]) -> tuple[str, ...]:
    schema = given.get("schema", {})
    meaning = given.get("description") or schema.get("description", "")
    return code(given["name"]), given["in"], shape(schema), meaning


def answers(responses: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, answer in sorted(responses.items()):
        content = answer.get("content", {})
        bodies = (f"{kind(name, each['schema'])}" for name, each in content.items())
        yield code(status), ", ".join(bodies), answer["description"]


def kind(content_type: str, schema: dict[str, Any]) -> str:
    return code(content_type) if schema == {"type": "string"} else linked(schema)


def in_markdown(docstring: str) -> str:
    return docstring.strip().replace("``", "`")


def linked(schema: dict[str, Any]) -> str:
    """A shape in words, with a link where it has a section of its own."""
    if "$ref" in schema:
        name = shape(schema)
        return f"[{name}](#{name.lower()})"
    return shape(schema)


def model(name: str, schema: dict[str, Any]) -> str:
    text = f"### {name}\n"
    if schema.get("description"):
        text += f"\n{in_markdown(schema['description'])}\n"
    fields = schema.get("properties", {})
    rows = (
        (code(field), linked(value), value.get("description", ""))
        for field, value in fields.items()
    )
    return text + ("\n" + table(("field", "type", "meaning"), rows) if fields else "")
