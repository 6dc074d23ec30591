"""Schemathesis against the OpenAPI document and a real server: no 5xx, no surprise.

The tracker under it is a healthy fake; only /best answers 503 (if nothing is usable).
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest
import schemathesis
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from api.server import serve
from benchmarks.torture.elsewhere import checks_left_out
from tests.helpers.idle_tracker import NOON, a_bare_provider, a_provider, a_tracker
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.redaction import Secret
from tracker.store import History, RawPoint

TOKEN = "fuzz"
EXAMPLES = 6  # of each operation and mode
# Any text names one, so no request to them is wrong: looking for one took a third of the time.
TAKES_ANY_NAME = ("/api/providers/status/{name}", "/api/models/{name}")


@pytest.fixture(scope="module")
def api_schema() -> Iterator[Any]:
    tracker = a_tracker(
        a_provider(), a_provider("a,b/ü"), a_bare_provider(), port=0, admin_token=Secret(TOKEN)
    )
    point = RawPoint(NOON, Status.HEALTHY, OutcomeKind.OK, 245.07)
    tracker.past = History(resolution_seconds=None, providers={"groq": (point,)})
    announced: SimpleQueue[Any] = SimpleQueue()
    started: SimpleQueue[Any] = SimpleQueue()

    async def run() -> None:
        started.put(trio.lowlevel.current_trio_token())
        await serve(tracker.config, announce=announced.put, track=tracker.track)

    thread = threading.Thread(target=partial(trio.run, run))
    thread.start()
    token = started.get(timeout=GIVE_UP_SECONDS)
    url = announced.get(timeout=GIVE_UP_SECONDS)
    yield schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(
        path="/api/providers/events"  # this request never ends
    )
    token.run_sync_soon(tracker.stop)
    thread.join(timeout=GIVE_UP_SECONDS)
    assert not thread.is_alive()


# With a key, so that what needs one is reached too; schemathesis tries without it by itself.
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_conforms_to_the_document(api_schema: Any, mode: Any) -> None:
    for found in api_schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and operation.path in TAKES_ANY_NAME:
            assert [each.name for each in operation.iter_parameters()] == ["name"]
            continue

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def each(case: Any) -> None:
            response = case.call(headers=HEADERS)
            excluded = checks_left_out(case.operation.path)
            case.validate_response(response, headers=HEADERS, excluded_checks=excluded)
            nobody_usable = case.operation.path == "/api/providers/best"
            assert response.status_code < 500 or (response.status_code == 503 and nobody_usable)

        with suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
            each()
