"""The OpenAPI 3.1 document, made from the descriptions of the views."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, TypeVar

import attrs
import msgspec
from quart_schema import (
    HttpSecurityScheme,
    OpenAPIProvider,
    QuartSchema,
    document_querystring,
    document_request,
    document_response,
    security_scheme,
    tag,
)
from quart_trio import QuartTrio
from werkzeug.routing import Rule

from api.http.response_cache import JSON
from api.http.status_phrases import status_phrase
from api.schemas.problem import PROBLEM, Problem

View = TypeVar("View", bound=Callable[..., Any])
REFERENCE = "#/components/schemas/{name}"


class Token(Enum):
    """The tokens that a view may require."""

    ADMIN = "admin"
    REPORT = "report"


@attrs.frozen
class ResponseSpec:
    """An answer's body: one of ``models``, or text. No content type means no body.

    also: the type of a text that is sent instead on request.
    """

    models: tuple[type, ...]
    content_type: str = JSON
    status: int = 200
    says: str = ""
    also: str = ""


NOT_MODIFIED = ResponseSpec((), "", 304, "Your copy is still current.")


def gives(*models: type, status: int = 200, says: str = "", also: str = "") -> ResponseSpec:
    """Document an answer of JSON in one of these shapes, or a text of the type ``also``."""
    return ResponseSpec(models, JSON, status, says, also)


def text(content_type: str, says: str = "") -> ResponseSpec:
    """Describe a 200 answer that is text of this content type and has no schema."""
    return ResponseSpec((), content_type, 200, says)


def failure(status: int, shape: type = Problem) -> ResponseSpec:
    """Describe an ``application/problem+json`` answer with this status."""
    return ResponseSpec((shape,), PROBLEM, status)


def describe(
    topic: str,
    *answers: ResponseSpec,
    errors: Sequence[int] = (),
    query: type | None = None,
    body: Any = None,
    admin: bool = False,
    token: Token | None = None,
) -> Callable[[View], View]:
    """Document a view; nothing is checked at run time, so the hot paths cost nothing.

    token: the one it needs; ``admin=True`` is short for the admin token.
    """
    token = Token.ADMIN if admin else token
    failures = map(failure, sorted({*errors, 400, *((401, 403) if token else ())}))

    def decorate(view: View) -> View:
        for each in (*answers, *failures):
            view = document_response(each, each.status)(view)
        if query is not None:
            view = document_querystring(query)(view)
        if body is not None:
            view = document_request(body)(view)
        if token:
            accepted = dict.fromkeys((token, Token.ADMIN))  # the admin token allows everything
            view = security_scheme([{each.value: []} for each in accepted])(view)
        return tag([topic])(view)

    return decorate


class OpenApiBuilder(OpenAPIProvider):
    """Supports bodies that are not JSON, and answers with one of several shapes.

    It describes the routes that the app has when it is made, whenever it is asked.
    """

    def __init__(self, app: QuartTrio, extension: QuartSchema) -> None:
        super().__init__(app, extension)
        self._rules = tuple(super().generate_rules())

    def generate_rules(self) -> Iterable[Rule]:
        """Return the routes to describe."""
        return self._rules

    def build_response_object(
        self,
        model: Any,
        headers_model: Any,  # noqa: ARG002 (theirs)
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the response object and the component schemas that it refers to."""
        described = {"description": model.says or status_phrase(model.status)}
        if not model.content_type:
            return described, {}
        schemas, components = _schemas(model.models)
        schema = {"type": "string"} if not schemas else schemas[0]
        if len(schemas) > 1:
            schema = {"anyOf": list(schemas)}
        content = {model.content_type: {"schema": schema}}
        if model.also:
            content[model.also] = {"schema": {"type": "string"}}
        return {**described, "content": content}, components

    def build_request_body(
        self,
        model: Any,
        source: Any,  # noqa: ARG002 (theirs)
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a required JSON body and the component schemas that it refers to."""
        (schema,), components = _schemas([model])
        return {"content": {JSON: {"schema": schema}}, "required": True}, components

    def build_path_parameter(self, name: str, converter: Any) -> dict[str, Any]:
        """Describe a path parameter: never empty, a provider's name url-encoded."""
        parameter = super().build_path_parameter(name, converter)
        parameter["schema"]["minLength"] = 1
        about = "The provider's name, url-encoded." if name == "name" else "As in the list."
        parameter["description"] = about
        return parameter


def _schemas(models: Iterable[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """Give the schemas and their components, docstrings without their indentation (as 3.13)."""
    schemas, components = msgspec.json.schema_components(models, ref_template=REFERENCE)
    for component in components.values():
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    return schemas, components


def describe_routes(app: QuartTrio, version: str, root_path: str) -> Callable[[], dict[str, Any]]:
    """Return what builds the document of the routes that ``app`` has now, in 60 ms.

    The extension stays out of ``app``, where it would touch every answer.
    """
    app.config.setdefault("QUART_SCHEMA_CONVERT_CASING", False)
    app.config.setdefault("QUART_SCHEMA_CONVERSION_PREFERENCE", "msgspec")
    schema = QuartSchema(
        info={
            "title": "Provider Status Tracker",
            "version": version,
            "description": "Which LLM provider works, how fast, and which to use next.",
        },
        servers=[{"url": root_path or "/"}],
        security_schemes={each.value: HttpSecurityScheme(scheme="bearer") for each in Token},
    )
    builder = OpenApiBuilder(app, schema)

    def build() -> dict[str, Any]:
        built = builder.schema()
        return {**built, "paths": {path: built["paths"][path] for path in sorted(built["paths"])}}

    return build
