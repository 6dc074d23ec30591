"""Parsing a tracker's answers; an answer that is not valid is refused as a whole."""

import json
from math import inf
from typing import Any

from tracker.client.cached_ranking import CachedRanking
from tracker.client.listed_models import ListedModels
from tracker.client.offer import Offer


class InvalidResponseError(Exception):
    """The answer does not have the API's format; the message says what is wrong."""


def read_best(body: bytes) -> CachedRanking:
    """Return the ranking in an answer of ``/api/providers/best``, also one that names nobody.

    Raises InvalidResponseError.
    """
    answer = _object(body)
    if "best_provider" not in answer:
        raise InvalidResponseError("the answer has no best_provider")
    best = answer["best_provider"]
    ranking = _list(answer, "ranking")
    offers = [(_offer(entry), _weight(entry)) for entry in ranking]
    weights = {offer.key: weight for offer, weight in offers}
    if best is None:
        if weights:
            raise InvalidResponseError("best_provider is null although there is a ranking")
        return CachedRanking(timestamp=_text(answer, "timestamp"))
    first = Offer(provider=_require_name(best), model=_optional_text(answer, "best_model"))
    named = first.model is not None or any(offer.model is not None for offer, _ in offers)
    others = [_require_name(name) for name in _list(answer, "alternatives")]
    # For offers, the alternatives name only providers; the ranking has all offers.
    names = tuple(dict.fromkeys((first.key, *weights, *([] if named else others))))
    return CachedRanking(
        names=names,
        weights=_shares(weights) if len(weights) == len(names) else (),
        timestamp=_text(answer, "timestamp"),
        lines={first.key: first} | {offer.key: offer for offer, _ in offers},
    )


def read_models(body: bytes) -> ListedModels:
    """Return the providers by model in an answer of ``/api/providers/models``.

    Raises InvalidResponseError.
    """
    models = _object(body).get("models")
    if not isinstance(models, dict):
        raise InvalidResponseError("the answer has no object named models")
    return ListedModels.of(
        {model: frozenset(map(_require_name, _list(models, model))) for model in models}
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):  # incomplete, another encoding, or nested too deeply
        raise InvalidResponseError("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise InvalidResponseError("the answer is not a JSON object")
    return answer


def _list(answer: dict[str, Any], key: str) -> list[Any]:
    value = answer.get(key, [])
    if not isinstance(value, list):
        raise InvalidResponseError(f"{key} is not a list")
    return value


def _text(answer: dict[str, Any], key: str) -> str:
    value = answer.get(key, "")
    if not isinstance(value, str):
        raise InvalidResponseError(f"{key} is not a string")
    return value


def _offer(entry: object) -> Offer:
    if not isinstance(entry, dict):
        raise InvalidResponseError("an entry of the ranking is not an object")
    return Offer(
        provider=_require_name(entry.get("provider_name")),
        model=_optional_text(entry, "model"),
        variant=_optional_text(entry, "variant"),
        evidence=_optional_text(entry, "evidence"),
        reason=_text(entry, "reason"),
        patience_ms=_number(entry, "patience_ms"),
        latency_ms=_number(entry, "latency_ms"),
        failure_probability=_number(entry, "failure_probability"),
        failure_ms=_number(entry, "failure_ms"),
    )


def _optional_text(entry: dict[str, Any], key: str) -> str | None:
    return _text(entry, key) if entry.get(key) is not None else None


def _number(entry: dict[str, Any], key: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < inf:
        raise InvalidResponseError(f"{key} is not a number of 0 or more")
    return float(value)


def _require_name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidResponseError("a provider's name is not a string")
    return value


def _weight(entry: dict[str, Any]) -> float | None:
    weight = entry.get("weight")
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise InvalidResponseError("a weight is not a number")
    if not 0.0 <= weight <= 1.0:  # NaN too, which Python's JSON reads
        raise InvalidResponseError("a weight is not between 0 and 1")
    return float(weight)


def _shares(weights: dict[str, float | None]) -> tuple[float, ...]:
    """Return the shares, empty unless every provider has one.

    Half of them would hide the others.
    """
    known = tuple(weight for weight in weights.values() if weight is not None)
    return known if len(known) == len(weights) else ()
