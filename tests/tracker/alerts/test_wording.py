"""For each cause the message says what its reader has to know at night."""

from collections.abc import Iterable
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from tests.helpers.alert_scenario import START, a_down_provider, snapshot_of
from tests.helpers.idle_tracker import a_bare_provider, a_provider, ranking_of
from tracker.alerts.policy import Announcement
from tracker.alerts.wording import Telling, title_of
from tracker.core.incidents import Cause, Incident, IncidentLog, MessageKind
from tracker.core.outcomes import KeyReport, KeyState, OutcomeKind, Status
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus
from tracker.core.ranking import Ranked, Ranking
from tracker.models.resolver import NamedOffer

BEGAN = START - timedelta(minutes=12)


def incident(cause: Cause, subject: str, **changes: Any) -> Incident:
    provider = subject.partition("/")[0] if cause not in UMBRELLAS else None
    fields = {"provider": provider, "summary": f"{subject} is wrong", **changes}
    return Incident(
        id="abc", cause=cause, subject=subject, opened_at=BEGAN, noticed_at=BEGAN, **fields
    )


UMBRELLAS = {Cause.NOTHING_USABLE, Cause.NETWORK, Cause.TRACKER}


def lines(
    told: Incident,
    *views: ProviderStatus,
    kind: MessageKind = MessageKind.OPENED,
    others: tuple[Incident, ...] = (),
) -> list[str]:
    snapshot = snapshot_of(views, START, incidents=IncidentLog(incidents=(told, *others)))
    return list(Telling(kind, (told,), snapshot, START, MappingProxyType({})).lines())


def test_a_spent_key_and_a_refused_key_get_different_advice() -> None:
    told = incident(Cause.KEY, "a")
    for state, advice in (
        (KeyState.SPENT, "add credit or upgrade the plan there"),
        (KeyState.REFUSED, "put a valid key into its variable"),
    ):
        view = a_bare_provider("a", keys=(KeyReport(number=1, state=state),))
        (found,) = [e for e in lines(told, view, a_provider("b")) if e.startswith("What to do")]
        assert advice in found
    spent = a_bare_provider(
        "a", outcome=OutcomeKind.QUOTA_EXHAUSTED, usable_at=START + timedelta(hours=13)
    )
    found_lines = lines(told, spent, a_provider("b"))
    assert "a may be used again at 2026-03-29 01:00:00 UTC." in found_lines
    assert "Whose fault: ours: our key or our account there." in found_lines


def an_offer(model: str, *, usable: bool) -> OfferStatus:
    return OfferStatus(
        model=model,
        variant=None,
        status=Status.HEALTHY if usable else Status.DOWN,
        usable=usable,
        reason="",
        evidence=EvidenceSource.OFFER,
    )


def test_a_message_about_a_model_names_its_other_providers() -> None:
    """Not who is usable at all; one where the same model is down does not count."""
    told = incident(Cause.OFFER, "a/llama-3-8b")
    a = a_provider("a", models=("llama-3-8b",))
    b = a_provider("b", models=("meta/Llama-3-8B-Instruct",))
    c = a_provider("c", models=("qwen-2-7b",))
    d = a_provider("d", models=("llama-3-8b",), offers=(an_offer("llama-3-8b", usable=False),))
    assert "llama-3-8b is still served by: b." in lines(told, a, b, c, d)
    alone = lines(told, a, c, d)
    assert "No other watched provider serves llama-3-8b." in alone


def test_a_message_about_a_model_names_the_best_offer() -> None:
    told = incident(Cause.OFFER, "a/llama-3-8b")
    a = a_provider("a", models=("llama-3-8b",))
    b = a_provider("b", models=("meta/Llama-3-8B-Instruct", "qwen-2-7b"))
    line = attrs.evolve(ranking_of({"b": b}).ranked[0], model="meta/Llama-3-8B-Instruct")
    asked: list[NamedOffer] = []

    def say_best(*ranked: Ranked) -> str:
        def rank(offers: Iterable[NamedOffer]) -> Ranking:
            asked.extend(offers)
            return Ranking(reason="", ranked=ranked)

        snapshot = snapshot_of((a, b), START, incidents=IncidentLog(incidents=(told,)))
        telling = Telling(MessageKind.OPENED, (told,), snapshot, START, MappingProxyType({}), rank)
        (best,) = [each for each in telling.lines() if each.startswith("/best")]
        return best

    question = "/best?model=llama-3-8b"
    assert say_best(line).startswith(
        f"{question} names b/meta/Llama-3-8B-Instruct; without a model"
    )
    assert say_best().startswith(f"{question} answers 503; without a model")
    assert {(one.provider, one.model) for one in asked} == {
        ("a", "llama-3-8b"),
        ("b", "meta/Llama-3-8B-Instruct"),
    }


def test_a_message_that_nothing_is_usable_has_each_reason_and_the_soonest_end() -> None:
    reset = START + timedelta(minutes=3)
    limited = a_provider(
        "limited", usable=False, reason="its rate limit is used up until 12:03", usable_at=reset
    )
    told = incident(Cause.NOTHING_USABLE, "all providers")
    found = lines(told, limited, a_down_provider("b", BEGAN))
    assert "limited cannot be used: its rate limit is used up until 12:03." in found
    assert any(each.startswith("b cannot be used: ") for each in found)
    assert "limited may be used again at 12:03:00 UTC." in found
    assert "/best names no provider: it answers 503 and says why." in found


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("kind", [MessageKind.OPENED, MessageKind.REMINDER])
def test_every_cause_says_what_whose_fault_since_when_what_serves_and_what_to_do(
    cause: Cause, kind: MessageKind
) -> None:
    found = lines(incident(cause, "a/m" if cause is Cause.OFFER else "a"), a_provider("b"))
    text = "\n".join(found)
    for part in ("since 11:48:00 UTC (12 min)", "Whose fault: ", "/best", "What to do: "):
        assert part in text
    assert "provider-status ack abc" in text
    assert "serve" in text or "usable" in text


@pytest.mark.parametrize("cause", list(Cause))
def test_an_end_says_what_recovered_and_what_is_still_wrong(cause: Cause) -> None:
    told = attrs.evolve(incident(cause, "a"), closed_at=START)
    title = title_of(Announcement(kind=MessageKind.RESOLVED, incidents=(told,)))
    assert title.startswith("Resolved: ")
    assert "down" not in title
    other = attrs.evolve(incident(Cause.PROVIDER, "b"), id="other")
    found = lines(told, a_provider("a"), kind=MessageKind.RESOLVED, others=(other,))
    assert found == ["Over: a, after 12 min.", "/best names a now.", "Still wrong: b."]
