"""The API's documentation as one page of plain HTML: no script, no other host."""

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, Template

POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"


def render(document: dict[str, Any]) -> bytes:
    """Render the page of ``document``, OpenAPI 3.1."""
    return _template().render(document=document, operations=_by_topic(document)).encode()


def style() -> bytes:
    """Return the page's style sheet in UTF-8."""
    return _read("style.css")


def shape(schema: dict[str, Any]) -> str:
    """Describe a schema in a few words for the tables."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(shape(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {shape(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"by name: {shape(schema['additionalProperties'])}"
    return f"{schema.get('type', 'anything')}{_bounds(schema)}"


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["shape"] = shape
    return environment.from_string(_read("page.html.jinja").decode())


def _bounds(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None and most is None:
        return ""
    return f" from {least}" if most is None else f" {least} to {most}"


def _by_topic(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    topics: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            entry = {**operation, "path": path, "method": method.upper()}
            topics.setdefault(operation["tags"][0], []).append(entry)
    return topics


def _read(name: str) -> bytes:
    return (files(__name__) / name).read_bytes()
