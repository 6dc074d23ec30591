"""What a dialect works with: it sends requests to one provider and makes results of answers."""

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec
import structlog

from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.redaction import Secret
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Provider
from tracker.probes.classify import classify
from tracker.probes.endpoint import Endpoint
from tracker.probes.http.failures import FetchError
from tracker.probes.http.fetch import LARGE, SMALL, Request, Watch, fetch
from tracker.probes.http.response import BoundedResponse
from tracker.probes.http.transport import Transport
from tracker.probes.known_secrets import KnownSecrets, provider_secrets
from tracker.probes.limits.readings import Limits, read_limits
from tracker.probes.messages import Masking, printable
from tracker.probes.model_lists import wait_for_turn

log = structlog.get_logger()

MOST_LIMITS = 24  # kept of one answer; Anthropic, which states most, has eight


@attrs.define(kw_only=True)
class Session:
    """The connection to one provider, from its first check to its last.

    memory: what a dialect keeps between checks (a model list, a token), under its own names.
    completions: sent and not yet reported. learned: by model, how to ask it.
    """

    provider: Provider
    transport: Transport
    clock: Clock
    memory: dict[str, Any] = attrs.field(factory=dict)
    completions: int = 0
    learned: dict[str, RequestShape] = attrs.field(factory=dict)
    endpoint: Endpoint = attrs.field(init=False)
    secrets: KnownSecrets = attrs.field(init=False)
    log: Any = attrs.field(init=False)  # bound once: structlog's lazy one is built at each call

    def __attrs_post_init__(self) -> None:
        self.log = log.bind(provider=self.provider.name)
        self.endpoint = Endpoint.of(self.provider)
        self.secrets = KnownSecrets(provider_secrets(self.provider))

    def option(self, name: str) -> str:
        """Return a text option, the provider's or its kind's; empty where neither has it."""
        return self.endpoint.option(name)

    def take_counts(self) -> tuple[int, int]:
        """Return requests and completions since the last call, and begin to count again."""
        requests, self.transport.sent = self.transport.sent, 0
        completions, self.completions = self.completions, 0
        return requests, completions

    async def get(self, path: str, key: Secret | None, *, limit: int = SMALL) -> BoundedResponse:
        """Send a GET below the provider's base. limit: of the body in bytes. Raises FetchError."""
        return await self.send(
            Request(url=self.endpoint.url(path), headers=self.endpoint.headers(key), limit=limit)
        )

    async def get_list(self, path: str, key: Secret | None) -> BoundedResponse:
        """Send a GET whose body may be as large as a list of models. Raises FetchError."""
        reply = await self.get(path, key, limit=LARGE)
        if len(reply.body) > SMALL:
            await wait_for_turn()  # parsing it takes up to twenty milliseconds
        return reply

    async def post(
        self, path: str, key: Secret | None, body: object = None, *, watch: Watch | None = None
    ) -> BoundedResponse:
        """Send a POST with a JSON body, none for None. watch: sees a stream as it comes.

        Raises FetchError.
        """
        headers = self.endpoint.headers(key)
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        return await self.send(
            Request(
                method="POST",
                url=self.endpoint.url(path),
                headers=headers,
                content=content,
                timed=watch is not None,
                watch=watch,
            )
        )

    async def send(self, request: Request) -> BoundedResponse:
        """Send a request, counted. Raises FetchError."""
        reply = await fetch(self.transport, request, self.provider)
        self.log.debug(
            "request answered",
            method=request.method,
            http_status=reply.status,
            seconds=round(reply.seconds, 4),
        )
        return reply

    def find_refusal(
        self, reply: BoundedResponse, *, completion: bool = False
    ) -> CheckResult | None:
        """Return the result of an answer that reports a failure, None if it reports none."""
        verdict = classify(
            reply, dialect=self.provider.kind, completion=completion, mask=self.secrets.mask
        )
        if verdict is None:
            return None
        return self.make_result(reply, verdict.kind, verdict.message, verdict.facts)

    def reject_shape(
        self, reply: BoundedResponse, what: str, facts: Facts | None = None
    ) -> CheckResult:
        """Return the result of a success in status that is not the API's in shape."""
        facts = facts or Facts(reachable=True)
        return self.make_result(
            reply,
            OutcomeKind.BAD_RESPONSE,
            f"not the API's format: {what}",
            facts,
        )

    def make_result(
        self,
        reply: BoundedResponse,
        kind: OutcomeKind,
        message: str,
        facts: Facts,
        *,
        limits: tuple[LimitReading, ...] = (),
        retry_after: float | None = None,
        told: Limits | None = None,
        **more: Any,
    ) -> CheckResult:
        """Make a result from the deciding answer, including its rate limits.

        limits, retry_after: what the dialect itself read out of the body. told: the answer's
        limits, where they have been read already.
        """
        told = told or self.limits(reply.headers, reply.json)
        wait = told.retry_after if retry_after is None else retry_after
        if reply.untimed and kind.is_success:
            message, more["ttft_ms"] = reply.untimed, None
        source = LimitSource.BODY if limits and not told.readings else told.source
        return CheckResult(
            kind=kind,
            message=printable(message, self.secrets.mask) if message else "",
            latency_ms=None if reply.untimed else reply.seconds * 1000.0,
            latency_stamped=reply.stamped,
            http_status=reply.status,
            told_date=reply.header("date"),
            facts=facts,
            limits=self.secrets.mask_names((*told.readings, *limits)[:MOST_LIMITS]),
            limits_source=source,
            retry_after=None if kind.is_success else wait,
            **more,
        )

    def limits(self, headers: Sequence[tuple[str, str]], body: object) -> Limits:
        """Read the limits that an answer tells in headers and body (parsed JSON)."""
        return read_limits(headers, body, now=self.clock.now(), provider=self.provider.name)


def finding_from_error(error: FetchError, mask: Masking) -> CheckResult:
    """Return the result of a request that got no answer."""
    return CheckResult(
        kind=error.kind,
        message=printable(error.message, mask),
        facts=Facts(reachable=None if error.kind.is_ours else error.answered),
    )
