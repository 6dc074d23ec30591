"""A proxy that sends each chat completion to the best offer of its model, and falls back.

    pip install fastapi uvicorn
    export GROQ_API_KEY=… MISTRAL_API_KEY=…
    uvicorn examples.fastapi_proxy:app --port 9000

It speaks OpenAI's API at /v1/chat/completions. The tracker's URL is read from
PROVIDER_STATUS_URL (default http://127.0.0.1:8000), and the token for reporting its calls from
PROVIDER_STATUS_REPORT_TOKEN.
"""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import attrs
import httpx
from fastapi import Body, FastAPI, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tracker.client import Offer, ProviderStatusClient
from tracker.client.httpx_transport import ReportingTransport

TIMEOUT = httpx.Timeout(120.0, connect=5.0)


@attrs.frozen(kw_only=True)
class Upstream:
    """A provider to send calls to.

    ``models``: the provider's own id of each model that callers ask for, used until the tracker has
    told the ids.
    """

    base_url: str
    key_variable: str
    models: Mapping[str, str] = attrs.field(factory=dict)

    def request(
        self, http: httpx.AsyncClient, chat: Mapping[str, Any], model: str
    ) -> httpx.Request:
        key = os.environ.get(self.key_variable)
        return http.build_request(
            "POST",
            f"{self.base_url}/chat/completions",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            json={**chat, "model": model},
        )


def create_app(upstreams: Mapping[str, Upstream], tracker_url: str, **settings: Any) -> FastAPI:
    """Build the proxy.

    upstreams: by the tracker's provider names, in the order to try without the tracker. settings:
    further arguments of ProviderStatusClient.
    """
    status = ProviderStatusClient(tracker_url, static_order=tuple(upstreams), **settings)
    # The transport reports how each attempt ended, so the tracker learns of an outage at once.
    names = {upstream.base_url: name for name, upstream in upstreams.items()}
    http = httpx.AsyncClient(timeout=TIMEOUT, transport=ReportingTransport(status, names))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with status, http:
            yield

    app = FastAPI(title="Proxy over the best provider", lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {
            "order": status.ranking(candidates=upstreams) or tuple(upstreams),
            "tracker": status.state,
            "reason": status.reason,
            "age_seconds": status.age_seconds,
        }

    @app.post("/v1/chat/completions")
    async def chat(chat: Annotated[dict[str, Any], Body()]) -> Response:
        tried = {}
        for name, model in offers_of(status, upstreams, str(chat.get("model", ""))):
            request = upstreams[name].request(http, chat, model)
            try:
                response = await http.send(request, stream=True)
            except httpx.TransportError as error:
                tried[f"{name}/{model}"] = type(error).__name__
                continue
            if may_another_help(response.status_code):
                tried[f"{name}/{model}"] = f"HTTP {response.status_code}"
                await response.aread()  # the text distinguishes a spent quota from a minute's limit
                continue
            return passed_on(response, name)
        return JSONResponse({"error": {"message": "no provider answered", "tried": tried}}, 502)

    return app


def offers_of(
    status: ProviderStatusClient, upstreams: Mapping[str, Upstream], asked: str
) -> Iterator[tuple[str, str]]:
    """Yield which provider to try and the model id to send there, best first.

    For a model that the tracker does not know, yield the best providers. If none is usable, yield
    all: their state may have changed since, and trying costs less than refusing.
    """
    choice = status.choose(asked or None, upstreams) or status.choose(candidates=upstreams)
    offers = [choice, *choice.alternatives] if choice else [Offer(provider=n) for n in upstreams]
    for offer in offers:
        own = upstreams[offer.provider].models.get(asked, asked)
        yield offer.provider, offer.model or own


def may_another_help(status: int) -> bool:
    """Return whether the failure concerns this provider only: key, model, limit or server."""
    return status in {401, 402, 403, 404, 408, 429} or status >= 500


def passed_on(response: httpx.Response, name: str) -> StreamingResponse:
    """Pass the answer on as it arrives; after its first byte no other provider can be tried."""

    async def body() -> AsyncIterator[bytes]:
        try:
            async for chunk in response.aiter_bytes():
                yield chunk
        finally:
            await response.aclose()

    return StreamingResponse(
        body(),
        status_code=response.status_code,
        media_type=response.headers.get("Content-Type"),
        headers={"X-Provider": name},
    )


LLAMA = "llama-3.3-70b"
app = create_app(
    {
        "groq": Upstream(
            base_url="https://api.groq.com/openai/v1",
            key_variable="GROQ_API_KEY",
            models={LLAMA: "llama-3.3-70b-versatile"},
        ),
        "together": Upstream(
            base_url="https://api.together.ai/v1",
            key_variable="TOGETHER_API_KEY",
            models={LLAMA: "meta-llama/Llama-3.3-70B-Instruct-Turbo"},
        ),
    },
    os.environ.get("PROVIDER_STATUS_URL", "http://127.0.0.1:8000"),
    report_token=os.environ.get("PROVIDER_STATUS_REPORT_TOKEN"),
)
