"""The cheapest completion: one token, streamed to measure the time to the first token."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.request_shape import RequestShape
from tracker.probes.adaptation import ADAPTATIONS, adapt
from tracker.probes.error_bodies import error_of
from tracker.probes.http.event_stream import EventReader, read_stream
from tracker.probes.http.failures import FetchError
from tracker.probes.http.fetch import Progress, Watch
from tracker.probes.http.response import BoundedResponse, parse_json
from tracker.probes.list_models import mask_model_names
from tracker.probes.model_lists import read_models
from tracker.probes.session import Session

TRIES = 3  # models tried in one check with none configured: some listed ones are not for us
CANDIDATES = 1_000  # models kept to choose from
LIST_SECONDS = 3600.0  # how long a list is used for choosing a model
# OpenAI sends this with a 400 when a reasoning model used its one token for thinking.
ALL_THOUGHT = "max_tokens or model output limit was reached"
DONE = b"[DONE]"  # the end marker of OpenAI's streams
ACCEPTED = 202  # NVIDIA: the answer must be fetched later
# Refusals that concern one model; failures and limits do so only when they name it.
MODELS_ALONE = frozenset({OutcomeKind.NOT_FOUND, OutcomeKind.REQUEST})
MODELS_FAULT = frozenset({OutcomeKind.OVERLOADED, OutcomeKind.SERVER})
HELLO = [{"role": "user", "content": "hi"}]


def never_blocked(_: Mapping[str, Any]) -> bool:
    """Return False: most kinds of API tell a blocked prompt by an error."""
    return False


@attrs.frozen(kw_only=True)
class CompletionFormat:
    """How an API is asked for a completion, and how to recognise its answer.

    body: makes the request for a model. answers: whether an event, or a whole JSON answer, shows
    that the model answered. speaks: whether an event contains text. Reasoning models may spend
    their token unseen, so an answer without text counts too. is_blocked: whether an event says that
    our prompt was refused.
    """

    body: Callable[[RequestShape, str], object]
    answers: Callable[[Mapping[str, Any]], bool]
    speaks: Callable[[Mapping[str, Any]], bool]
    is_blocked: Callable[[Mapping[str, Any]], bool] = never_blocked


async def complete(
    session: Session, key: Secret | None, wire: CompletionFormat, default: str | None = None
) -> CheckResult:
    """Ask for one completion: of the model named, the default, or the first listed that answers."""
    model = default if session.provider.model is None else session.provider.model
    if model is not None:
        return await _ask(session, key, wire, model)
    chosen = await _candidates(session, key)
    if isinstance(chosen, CheckResult):
        return chosen
    return await _ask_any(session, key, wire, chosen)


async def _ask_any(
    session: Session, key: Secret | None, wire: CompletionFormat, models: tuple[str, ...]
) -> CheckResult:
    """Ask one model after another until an answer is not only about that model."""
    findings = []
    for model in models[:TRIES]:
        findings.append(await _ask(session, key, wire, model))
        if not concerns_model(findings[-1], model):
            break
        rest = tuple(m for m in session.memory["chat_models"] if m != model)
        # moved to the end: it may become available again
        session.memory["chat_models"] = (*rest, model)
    *refused, found = findings
    if found.kind.is_success:
        _ask_first(session, model)
    elif found.kind in MODELS_ALONE:  # an earlier limit or failure says more
        found = next((each for each in refused if each.kind not in MODELS_ALONE), found)
    return attrs.evolve(found, models=session.memory.pop("unreported_models", None))


def concerns_model(finding: CheckResult, model: str) -> bool:
    """Say whether another model may fare better: this one is gone, not ours, or named as at fault.

    Nobody named the model: asking it was our choice, so a refused request may be its fault too.
    """
    if finding.kind in MODELS_ALONE:
        return True
    named = re.search(rf"(?<![\w-]){re.escape(model)}(?![\w-])", finding.message, re.IGNORECASE)
    return named is not None and (finding.kind.is_limit or finding.kind in MODELS_FAULT)


def _ask_first(session: Session, model: str) -> None:
    """Remember the model that answered; the learned shapes outlive this process."""
    for other, shape in session.learned.items():
        if shape.first and other != model:
            session.learned[other] = attrs.evolve(shape, first=False)
    session.learned[model] = attrs.evolve(_shape(session, model), first=True)


async def _candidates(session: Session, key: Secret | None) -> tuple[str, ...] | CheckResult:
    """Return models to try, best known first; the list is read again once an hour."""
    now = session.clock.steady()
    if now < session.memory.get("list_good_until", now):
        models: tuple[str, ...] = session.memory["chat_models"]
        return models
    path = session.option("models_path")
    if not path:
        raise FetchError(
            OutcomeKind.REQUEST, 'check = "chat" needs a model for this provider: set model ='
        )
    reply = await session.get_list(path, key)
    if (refusal := session.find_refusal(reply)) is not None:
        return refusal
    listed = await read_models(reply.json)
    if listed is None:
        return session.reject_shape(reply, "it is not a model list, so no model can be chosen")
    if not listed.chat:
        message = "its model list has no model to ask: set model ="
        return session.make_result(reply, OutcomeKind.REQUEST, message, Facts(reachable=True))
    first = [m for m, shape in session.learned.items() if shape.first and m in listed.chat]
    session.memory["chat_models"] = tuple(dict.fromkeys((*first, *listed.chat)))[:CANDIDATES]
    session.memory["list_good_until"] = now + LIST_SECONDS
    session.memory["unreported_models"] = await mask_model_names(session, listed)
    return tuple(session.memory["chat_models"])


async def _ask(
    session: Session, key: Secret | None, wire: CompletionFormat, model: str
) -> CheckResult:
    """Ask, and once more for each parameter where the refusal itself says what the model takes."""
    reply = await _post(session, key, wire, model)
    for _ in range(ADAPTATIONS):
        adapted = adapt(_shape(session, model), reply)
        if adapted is None:
            break
        session.learned[model] = adapted
        reply = await _post(session, key, wire, model)
    return judge_completion(session, reply, wire, key)


async def _post(
    session: Session, key: Secret | None, wire: CompletionFormat, model: str
) -> BoundedResponse:
    session.completions += 1
    path = session.option("chat_path").replace("{model}", model)
    shape = _shape(session, model)
    body = wire.body(shape, model)
    return await session.post(path, key, body, watch=watch_stream(wire))


def _shape(session: Session, model: str) -> RequestShape:
    return session.learned.get(model, RequestShape())


def watch_stream(wire: CompletionFormat) -> Watch:
    """Say when the first token of a streamed completion has come, and when the stream is over."""
    reader = EventReader()

    def watch(piece: bytes) -> Progress:
        progress = Progress.WAITING
        for event in reader.feed(piece):
            if event.data.strip() == DONE:
                return Progress.OVER
            value = parse_json(event.data)
            if isinstance(value, dict) and wire.speaks(value):
                progress = Progress.ANSWERED
        return Progress.OVER if reader.exhausted else progress

    return watch


def judge_completion(
    session: Session, reply: BoundedResponse, wire: CompletionFormat, key: Secret | None
) -> CheckResult:
    """Judge a completion's answer, streamed or whole."""
    if reply.status == ACCEPTED and not reply.body:
        facts = Facts(reachable=True, inference=False)
        message = "accepted but not answered in time (202): the model may still be starting"
        return session.make_result(reply, OutcomeKind.OVERLOADED, message, facts)
    events = list(read_events(reply))
    if reply.status == 400 and ALL_THOUGHT in reply.text:
        return _judge_answer(session, reply, key)
    broken = next((body for _, body, event in events if error_of(event)), None)
    told = attrs.evolve(reply, body=broken) if broken is not None else reply
    if (refusal := session.find_refusal(told, completion=True)) is not None:
        return refusal
    if any(wire.is_blocked(event) for *_, event in events):
        facts, message = (
            Facts(reachable=True),
            "our prompt was blocked by a content filter: set another model =",
        )
        return session.make_result(reply, OutcomeKind.REQUEST, message, facts)
    if not any(wire.answers(event) for *_, event in events):
        return _judge_no_answer(session, reply, recognised=bool(events))
    return _judge_answer(session, reply, key, _ttft_ms(reply, events, wire))


def _judge_answer(
    session: Session, reply: BoundedResponse, key: Secret | None, ttft_ms: float | None = None
) -> CheckResult:
    facts = Facts(
        reachable=True,
        authenticated=True if key is not None else None,
        quota_available=True,
        inference=True,
    )
    return session.make_result(reply, OutcomeKind.OK, "", facts, ttft_ms=ttft_ms)


def _judge_no_answer(session: Session, reply: BoundedResponse, *, recognised: bool) -> CheckResult:
    facts = Facts(reachable=True, inference=False)
    if recognised:
        message = "the answer has no completion: the model may still be starting"
        return session.make_result(reply, OutcomeKind.OVERLOADED, message, facts)
    return session.reject_shape(reply, "it contains no completion", facts)


Event = tuple[int, bytes, Mapping[str, Any]]


def read_events(reply: BoundedResponse) -> Iterator[Event]:
    """Yield (end in bytes, its JSON, the object) of each streamed event, or of the whole body."""
    if isinstance(reply.json, dict):
        yield len(reply.body), reply.body, reply.json
        return
    for streamed in read_stream(reply.body):
        value = parse_json(streamed.data)
        if isinstance(value, dict):
            yield streamed.end, streamed.data, value


def _ttft_ms(reply: BoundedResponse, events: list[Event], wire: CompletionFormat) -> float | None:
    """Return milliseconds to the first text; None for an answer that was not streamed."""
    if isinstance(reply.json, dict):
        return None
    end = next((end for end, _, event in events if wire.speaks(event)), None)
    if end is None:
        return None
    return next((seconds * 1000.0 for total, seconds in reply.arrivals if total >= end), None)
