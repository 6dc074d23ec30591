"""Simulated providers: real HTTP servers on loopback that speak the OpenAI dialect."""

import json
import math
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import trio

from tracker.testing import openai_answers as answers
from tracker.testing.provider_behavior import ProviderBehavior
from tracker.testing.quota import Quota
from tracker.testing.toggleable_listener import HOST, ToggleableListener, in_background
from tracker.testing.wire import Fields, Reply, Request, Wire, head_of

PATH = "/v1"
MODELS = ("gpt-oss-20b", "llama-3.1-8b-instant")
KEPT_REQUESTS = 10_000  # enough to inspect; a run of days must not use ever more memory
KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
EVENT_STREAM = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))


@attrs.define(kw_only=True, eq=False)
class SimulatedProvider:
    """A simulated provider: set ``mood`` and ``latency_ms`` at any time.

    latency_ms: the median of a log-normal distribution; spread: its sigma (0: always the median).
    key: when set, a request without it is answered 401.
    quota: enforced and stated in Groq's headers; None: no limit is stated.
    slow_ms: the median while the mood is SLOW; retry_after: seconds, while it is RATE_LIMITED.
    quota_status: 429 (OpenAI) or 402 (OpenRouter, Hugging Face) while it is QUOTA.
    received: the last requests, keys masked; checks counts all, completions the chat requests.
    """

    name: str = "simulated"
    key: str | None = attrs.field(default=None, repr=False)
    latency_ms: float = 20.0
    spread: float = 0.2
    seed: int = 0
    models: tuple[str, ...] = MODELS
    quota: Quota | None = None
    slow_ms: float = 1500.0
    retry_after: float = 30.0
    quota_status: int = 429
    checks: int = attrs.field(default=0, init=False)
    completions: int = attrs.field(default=0, init=False)
    received: deque[Request] = attrs.field(
        init=False, repr=False, factory=lambda: deque(maxlen=KEPT_REQUESTS)
    )
    _mood: ProviderBehavior = ProviderBehavior.OK
    _door: ToggleableListener | None = attrs.field(default=None, init=False, repr=False)
    _random: random.Random = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}:{self.name}")  # noqa: S311 (repeatable)

    @property
    def mood(self) -> ProviderBehavior:
        """Return how it behaves; set it to change that from the next request on."""
        return self._mood

    @mood.setter
    def mood(self, mood: ProviderBehavior) -> None:
        """Change how it behaves from its next request on."""
        self._mood = mood
        if self._door is not None:
            self._door.is_open = mood is not ProviderBehavior.REFUSE

    @property
    def base_url(self) -> str:
        """Return the base URL, known once it serves; unchanged while connections are refused."""
        if self._door is None:
            raise RuntimeError(f"{self.name} serves no port; use simulated_provider()")
        return f"http://{HOST}:{self._door.port}{PATH}"

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen on a free port of loopback until cancelled."""
        self._door = ToggleableListener()
        self.mood = self._mood
        try:
            await self._door.serve(self.talk, task_status=task_status)
        finally:
            self._door = None

    async def talk(self, stream: trio.abc.Stream) -> None:
        """Answer the requests of one connection; any stream works, also one in memory."""
        wire = Wire(stream)
        # Clients may disconnect at any moment, or send something other than HTTP.
        with suppress(trio.BrokenResourceError, ValueError):
            async with stream:
                while (request := await wire.receive()) is not None:
                    await self._answer(request, wire)
                    if request.is_last:
                        return

    async def _answer(self, request: Request, wire: Wire) -> None:
        self._note(request)
        mood = self._mood  # as it is when the request arrives
        if mood is ProviderBehavior.HANG:
            await wire.until_gone()
            return
        await trio.sleep(
            self._draw(self.slow_ms if mood is ProviderBehavior.SLOW else self.latency_ms)
        )
        if mood not in (ProviderBehavior.OK, ProviderBehavior.SLOW):
            refusal = answers.refusal(
                mood, retry_after=self.retry_after, quota_status=self.quota_status
            )
            await self._send(refusal, wire)
        elif self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            await self._send(answers.WRONG_KEY, wire)
        else:
            await self._serve_request(request, wire)

    async def _serve_request(self, request: Request, wire: Wire) -> None:
        wait = 0.0 if self.quota is None else self.quota.spent_for(trio.current_time())
        if wait > 0:
            await self._send(answers.rate_limited(math.ceil(wait)), wire)
            return
        if self.quota is not None:
            self.quota.requests.spend(1, trio.current_time())
        match request.method, request.path.removeprefix(PATH):
            case "GET", "/models":
                await self._send(answers.model_list(self.models, self.name), wire)
            case "POST", "/chat/completions":
                await self._complete(request, wire)
            case _:
                await self._send(answers.UNKNOWN_PATH, wire)

    async def _complete(self, request: Request, wire: Wire) -> None:
        asked = _json_object(request.body)
        if asked is None:
            await self._send(answers.NOT_JSON, wire)
            return
        model = str(asked.get("model", self.models[0]))
        wished = asked.get("max_completion_tokens") or asked.get("max_tokens")
        tokens = min(wished if isinstance(wished, int) else len(answers.WORDS), len(answers.WORDS))
        if self.quota is not None:
            self.quota.tokens.spend(tokens + 1, trio.current_time())
        if asked.get("stream"):
            events = answers.completion_events(model, self.completions, tokens)
            await self._stream(events, wire)
        else:
            await self._send(answers.completion(model, self.completions, tokens), wire)

    async def _stream(self, events: list[bytes], wire: Wire) -> None:
        await wire.send(head_of(200, (*EVENT_STREAM, *self._limits())) + b"\r\n")
        for event in events:
            await wire.send(b"%x\r\n%s\r\n" % (len(event), event))
            # the tokens take less time than the first one
            await trio.sleep(self._draw(self.latency_ms) / 10)
        await wire.send(b"0\r\n\r\n")

    async def _send(self, reply: Reply, wire: Wire) -> None:
        await wire.send(reply.with_fields(self._limits()).encode())

    def _limits(self) -> Fields:
        return () if self.quota is None else self.quota.fields(trio.current_time())

    def _note(self, request: Request) -> None:
        masked = {n: "***" if n in KEY_HEADERS else v for n, v in request.headers.items()}
        self.received.append(attrs.evolve(request, headers=masked))
        self.checks += 1
        self.completions += request.path.endswith("/chat/completions")

    def _draw(self, median_ms: float) -> float:
        return median_ms / 1000.0 * math.exp(self.spread * self._random.gauss(0.0, 1.0))


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@asynccontextmanager
async def simulated_provider(
    name: str = "simulated", *, mood: ProviderBehavior = ProviderBehavior.OK, **settings: Any
) -> AsyncIterator[SimulatedProvider]:
    """Run a simulated provider during the block; settings as of SimulatedProvider."""
    provider = SimulatedProvider(name=name, mood=mood, **settings)
    async with in_background(provider.serve):
        yield provider
