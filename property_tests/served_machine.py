"""The state machine with a client of the API: every answer conforms to the OpenAPI document."""

import json
from typing import Any

import jsonschema_rs
from hypothesis import strategies as st
from hypothesis.stateful import rule
from quart_trio import QuartTrio

from api.app import create_app
from tracker import Tracker
from tracker.testing.machine import TrackerMachine, names

ROOT = "/api/providers"
PATHS = tuple(f"{ROOT}/{name}" for name in ("status", "best", "health", "models", "history"))


class Present:
    """The tracker that runs now: creating an application takes longer than a whole example."""

    tracker: Tracker

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tracker, name)


class Service:
    """The application, with the validators of its answers, created on first use."""

    def __init__(self) -> None:
        self.present = Present()
        self._app: QuartTrio | None = None
        self._document: dict[str, Any] = {}
        self._validators: dict[tuple[str, int], Any] = {}

    async def get(self, path: str) -> tuple[int, Any]:
        if self._app is None:
            self._app = create_app(self.present)
            response = await self._app.test_client().get("/openapi.json")
            self._document = await response.get_json()
        response = await self._app.test_client().get(path)
        return response.status_code, json.loads(await response.get_data())

    def validate(self, path: str, status: int, answer: Any) -> None:
        """Validate an answer. Raises jsonschema_rs.ValidationError, and KeyError for an unknown
        status."""
        key = (path, status)
        if key not in self._validators:
            described = self._document["paths"][path]["get"]["responses"][str(status)]
            content = next(iter(described["content"].values()))  # history: CSV as well
            components = self._document["components"]
            schema = {"components": components, **content["schema"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(schema)
        self._validators[key].validate(answer)


class ServedMachine(TrackerMachine):
    service = Service()

    @rule(path=st.sampled_from(PATHS))
    def a_client_asks(self, path: str) -> None:
        status, answer = self._get(path)
        snapshot = self.world.tracker.snapshot
        best = snapshot.ranking.best
        expected = {200}
        if path.endswith("best"):
            assert answer["best_provider"] == best
            expected = {503 if best is None else 200}
        if path.endswith("history") and not (self.disk.exists and self.disk.trouble is None):
            expected = {200, 503}
        if path.endswith("/status"):
            shown = {name: each["status"] for name, each in answer["providers"].items()}
            assert shown == {name: str(p.status) for name, p in snapshot.providers.items()}
        assert status in expected, f"{status} of {path}: {answer}"

    @rule(name=names)
    def a_client_asks_for_one(self, name: str) -> None:
        status, _ = self._get(f"{ROOT}/status/{name}", f"{ROOT}/status/{{name}}")
        assert status == (200 if name in self.world.oracles else 404)

    def _get(self, path: str, template: str | None = None) -> tuple[int, Any]:
        self.service.present.tracker = self.world.tracker
        status, answer = self.world.do(lambda: self.service.get(path))
        self.service.validate(template or path, status, answer)
        return status, answer
