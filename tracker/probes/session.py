"""What a dialect works with: one provider's transport, clock, memory and count of requests."""

from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import msgspec
import structlog

from tracker.config.catalogue import load_dialects
from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.redaction import MASK, Mask, Secret
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Provider
from tracker.probes.classify import classify
from tracker.probes.http.failures import FetchError
from tracker.probes.http.fetch import LARGE, SMALL, Request, Watch, fetch
from tracker.probes.http.response import BoundedResponse
from tracker.probes.http.transport import Transport
from tracker.probes.limits.readings import Limits, read_limits
from tracker.probes.limits.values import merge_readings
from tracker.probes.messages import Masking, printable, revealing
from tracker.probes.model_lists import wait_for_turn

log = structlog.get_logger()

UNASKED = "it answered before it was asked: its latency is not known"
MOST_LIMITS = 24  # kept of one answer; Anthropic, which tells most, has eight


@attrs.define(kw_only=True)
class Session:
    """One provider, from its first check to its last.

    memory: what a dialect keeps between checks (a model list, a token), by names of its own.
    completions: sent and not yet reported. learned: how each model must be asked.
    """

    provider: Provider
    transport: Transport
    clock: Clock
    memory: dict[str, Any] = attrs.field(factory=dict)
    completions: int = 0
    learned: dict[str, RequestShape] = attrs.field(factory=dict)
    options: dict[str, Any] = attrs.field(init=False)
    log: Any = attrs.field(init=False)  # bound once: structlog's lazy one is built at each call
    _hidden: tuple[Secret, ...] = ()
    _mask: Mask | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.log = log.bind(provider=self.provider.name)
        kind = load_dialects().get(self.provider.kind)
        self.options = (kind.options if kind else {}) | self.provider.options

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return all that must be masked: the provider's, and what this check learned."""
        return (*provider_secrets(self.provider), *self._hidden)

    def mask(self, text: str) -> str:
        """Mask the secrets in a text.

        The mask is made when first needed: most checks mask nothing.
        """
        return self._masking()(text)

    def may_hide(self, text: str) -> bool:
        """Return whether a long text may hold a secret at all."""
        return self._masking().may_hide(text)

    def _masking(self) -> Mask:
        if self._mask is None:
            self._mask = Mask(self.secrets)
        return self._mask

    def hide(self, *secrets: Secret) -> None:
        """Mask these too from now on: tokens that a dialect got itself."""
        if secrets != self._hidden:
            self._hidden, self._mask = secrets, None

    def option(self, name: str) -> str:
        """Return a text option, the provider's or its kind's; empty where neither has it."""
        value = self.options.get(name, "")
        if isinstance(value, Secret):
            return value.reveal()
        return value if isinstance(value, str) else ""

    def url(self, path: str) -> str:
        """Return a path below base_url; an absolute URL as it is, unless the provider was moved."""
        base = self.provider.base_url.rstrip("/")
        if path.startswith(":") and not urlsplit(base).path:
            base += "/"  # Google's custom methods; right after a host it would be a port
        if not path.startswith(("https://", "http://")):
            return base + path
        if not self.provider.moved:
            return path
        parts = urlsplit(path)
        return base + parts.path + (f"?{parts.query}" if parts.query else "")

    def place(self, url_option: str, path_option: str) -> str:
        """Return a URL of the catalogue on another host, or only its path once moved."""
        url = self.option(url_option)
        return self.option(path_option) if self.provider.moved or not url else url

    def headers(self, key: Secret | None) -> dict[str, str]:
        """Return the catalogue's headers, with the key in the one it belongs in.

        Raises FetchError.
        """
        headers = {"Accept": "application/json", **self.options.get("headers", {})}
        if key is not None:
            scheme = self.option("auth_scheme")
            value = sendable(key)
            name = self.option("auth_header") or "Authorization"
            headers[name] = f"{scheme} {value}" if scheme else value
        return headers

    def take_counts(self) -> tuple[int, int]:
        """Return requests and completions since the last call, and begin to count again."""
        requests, self.transport.sent = self.transport.sent, 0
        completions, self.completions = self.completions, 0
        return requests, completions

    async def get(self, path: str, key: Secret | None, *, limit: int = SMALL) -> BoundedResponse:
        """Send a GET below the provider's base. limit: of the body in bytes. Raises FetchError."""
        return await self.send(Request(url=self.url(path), headers=self.headers(key), limit=limit))

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
        headers = self.headers(key)
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        return await self.send(
            Request(
                method="POST",
                url=self.url(path),
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
        """Return the result of an answer that tells of a failure, None where it tells of none."""
        verdict = classify(reply, dialect=self.provider.kind, completion=completion, mask=self.mask)
        if verdict is None:
            return None
        return self.make_result(reply, verdict.kind, verdict.message, verdict.facts)

    def reject_shape(
        self, reply: BoundedResponse, what: str, facts: Facts | None = None
    ) -> CheckResult:
        """Return the result of a success in status that is not the API's in shape."""
        facts = facts or Facts(reachable=True)
        return self.make_result(
            reply, OutcomeKind.BAD_RESPONSE, f"not the API's answer: {what}", facts
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
        **more: Any,
    ) -> CheckResult:
        """Make a result from the deciding answer, with what it tells of rate limits.

        limits, retry_after: what the dialect itself read out of the body.
        """
        told = self.limits(reply)
        wait = told.retry_after if retry_after is None else retry_after
        if reply.early and kind.is_success:
            message, more["ttft_ms"] = UNASKED, None
        source = LimitSource.BODY if limits and not told.readings else told.source
        return CheckResult(
            kind=kind,
            message=printable(message, self.mask) if message else "",
            latency_ms=None if reply.early else reply.seconds * 1000.0,
            latency_stamped=reply.stamped,
            http_status=reply.status,
            facts=facts,
            limits=self.mask_names((*told.readings, *limits)[:MOST_LIMITS]),
            limits_source=source,
            retry_after=None if kind.is_success else wait,
            **more,
        )

    def mask_names(self, limits: tuple[LimitReading, ...]) -> tuple[LimitReading, ...]:
        """Mask limit names in which an answer may echo a key."""
        if not limits:
            return limits
        names = [limit.name for limit in limits]
        bad = {*revealing(names, self.secrets), *(n for n in names if self.mask(n) != n)}
        if not bad:
            return limits
        return merge_readings(
            attrs.evolve(one, name=MASK) if one.name in bad else one for one in limits
        )

    def limits(self, reply: BoundedResponse) -> Limits:
        """Read the limits that an answer tells in headers and body."""
        return read_limits(
            reply.headers, reply.json, now=self.clock.now(), provider=self.provider.name
        )


def finding_from_error(error: FetchError, mask: Masking) -> CheckResult:
    """Return the result of a request that got no answer."""
    return CheckResult(
        kind=error.kind,
        message=printable(error.message, mask),
        facts=Facts(reachable=None if error.kind.is_ours else error.answered),
    )


def sendable(key: Secret) -> str:
    """Return the key as a header can carry it. Raises FetchError, which never holds it."""
    value = key.reveal()
    if not value.isascii() or not value.isprintable() or not value.strip():
        message = "the key cannot be sent: it is empty or has characters that no header can hold"
        raise FetchError(OutcomeKind.REQUEST, message)
    return value


def provider_secrets(provider: Provider) -> tuple[Secret, ...]:
    """Return everything of a provider's that must never show.

    The proxy's password too: a file with one is refused, a Provider made by hand may have it.
    """
    password = provider.proxy and urlsplit(provider.proxy).password
    forms = dict.fromkeys((password, unquote(password))) if password else ()  # as is, as sent
    return (*provider.secrets, *map(Secret, forms))
