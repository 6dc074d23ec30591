"""Answers to requests that are refused before the application sees them; each ends a connection."""

from functools import lru_cache

from hypercorn.config import Config as HyperConfig

from api.connection_counts import Refusal
from api.http.problems import CLOSE, CROWDED_OUT, Problem, problem_body, problem_response
from api.serving.responses import write


def ambiguous_answer(what: str, config: HyperConfig) -> bytes:
    """Write a 400. what: what may be read in two ways, as ``find_ambiguity`` tells it."""
    return _write(Problem(status=400, detail=what, headers=CLOSE), config)


@lru_cache(maxsize=8)
def no_room_answer(refusal: Refusal, config: HyperConfig, _second: int) -> bytes:
    """Write a 503 once a second, which its Date tells: a crowd that is refused comes all at once.

    _second: since 1970.
    """
    whose = " from your address" if refusal is Refusal.PEER else ""
    detail = f"too many requests{whose} are being answered: try again in a moment"
    return _write(Problem(status=503, detail=detail, headers=CROWDED_OUT), config)


def _write(problem: Problem, config: HyperConfig) -> bytes:
    return write(problem_response(problem), problem_body(problem), config)
