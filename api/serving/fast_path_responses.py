"""The answers of the fast path: which requests it takes, and the bytes to send.

The fast path takes a request ("hot") when its head is simple and only its query, If-None-Match,
Accept-Encoding and the read token could change the ordinary route's answer. In case of doubt it
does not. The functions of the ordinary route make the answers, which are kept for at most a second,
as their date changes that often.
"""

from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING

import attrs
from hypercorn.config import Config as HyperConfig
from quart import Response

from api.http.etags import matches_etag, negotiate, response_of
from api.http.problems import Problem, problem_body, problem_response
from api.http.query import parse_query
from api.http.response_cache import KEPT_BYTES, CachedResponse, ResponseCache
from api.present_answers import BEST_PARAMETERS, PresentAnswers
from api.serving.request_heads import Head, HeadReader
from api.serving.responses import write

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

BEST, STATUS, LIVEZ = "/api/providers/best", "/api/providers/status", "/livez"
PROVIDER = f"{STATUS}/"
HEADS = 256  # request heads cached; those of one program differ only in their ETags
Find = Callable[[], CachedResponse | None]


@attrs.frozen
class HotRequest:
    """A hot request; ``find`` returns its answer; None when it cannot be answered immediately."""

    find: Find
    head: Head
    key: tuple[bytes, bool]


class FastPathResponses:
    """The hot answers of one server."""

    def __init__(self, tracker: "Tracker", answers: ResponseCache) -> None:
        self._board = tracker.board
        self._present = PresentAnswers(tracker, answers)
        self._heads = HeadReader(tracker.config.server)
        self._requests: dict[bytes, HotRequest | None] = {}
        self._snapshot, self._second = self._board.latest, -1
        self._said: dict[bytes, bytes] = {}  # by head, of that snapshot in that second
        self._written: dict[tuple[bytes, bool, bool], bytes] = {}
        self._size = 0

    def answer(self, head: bytes, config: HyperConfig) -> bytes | None:
        """Return what the ordinary route would send, None where it has to do so itself.

        head: one request up to and with its blank line. config: the ordinary route's.
        """
        snapshot, second = self._board.latest, int(time())
        if snapshot is not self._snapshot or second != self._second:
            self._snapshot, self._second = snapshot, second
            self._forget_answers()
        admitted = self._heads.admit(head)
        if admitted is None:
            return None
        said = self._said.get(admitted)
        return self._look_up(admitted, config) if said is None else said

    def _look_up(self, head: bytes, config: HyperConfig) -> bytes | None:
        asked = self._requests.get(head)
        if asked is None:
            if head not in self._requests:
                asked = self._remember(head)
            if asked is None:
                return None
        said = self._write(asked, config)
        if said is not None:
            self._said[head] = said
        return said

    def _write(self, asked: HotRequest, config: HyperConfig) -> bytes | None:
        try:
            found = asked.find()
        except Problem as problem:
            told = problem_body(problem)
            return self._keep((*asked.key, False), problem_response(problem), told, config)
        except Exception:  # noqa: BLE001 (the ordinary route fails at it too, and tells the log)
            return None
        if found is None:
            return None
        if asked.head.gzip and found.may_compress and found.takes_long:
            return None  # the ordinary route does this in a thread
        chosen = negotiate(found, gzip=asked.head.gzip)
        known = matches_etag(chosen, asked.head.if_none_match)
        key = (*asked.key, known)
        written = self._written.get(key)
        if written is None:
            body = None if known else chosen.body
            written = self._keep(key, response_of(chosen, known=known), body, config)
        return written

    def _keep(
        self,
        key: tuple[bytes, bool, bool],
        response: Response,
        body: bytes | None,
        config: HyperConfig,
    ) -> bytes:
        written = write(response, body, config)
        if self._size + len(written) > KEPT_BYTES:
            self._forget_answers()
        self._size += len(written)
        self._written[key] = written
        return written

    def _forget_answers(self) -> None:
        self._said.clear()
        self._written.clear()
        self._size = 0

    def _remember(self, head: bytes) -> HotRequest | None:
        if len(self._requests) >= HEADS:
            self._requests.clear()
            self._forget_answers()
        self._requests[head] = asked = self._understand(head)
        return asked

    def _understand(self, head: bytes) -> HotRequest | None:
        read = self._heads.read(head)
        find = None if read is None else self._find(read)
        if read is None or find is None:
            return None
        return HotRequest(find, read, (read.target, read.gzip))

    def _find(self, head: Head) -> Find | None:
        """Return what answers the question of a target, None where it is not a frequent one."""
        present, query = self._present, head.query
        if head.path == BEST:
            return lambda: present.best(parse_query(query, *BEST_PARAMETERS))
        if query:
            return None
        if head.path == STATUS:
            return present.status
        if head.path == LIVEZ:
            return present.livez
        if head.path.startswith(PROVIDER):
            name = head.path.removeprefix(PROVIDER)
            return lambda: present.provider(name)
        return None
