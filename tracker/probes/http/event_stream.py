"""Reading server-sent events by the standard (WHATWG HTML, section 9.2). Total, incremental."""

import re
from collections.abc import Iterator

import attrs

from tracker.probes.http.response import BOM

# A completion of one token has about ten events; lines beyond this number are ignored.
MOST_LINES = 5_000
_LINE_END = re.compile(rb"\r\n|\r(?!\Z)|\n")  # a final CR may be the first half of a CRLF


@attrs.frozen
class StreamEvent:
    """One event. ``end``: the position in the stream at which it was complete."""

    data: bytes
    end: int


@attrs.define
class EventReader:
    """Reads a stream piece by piece; an event is complete once its blank line has arrived.

    After MOST_LINES it stops reading: ``exhausted``.
    """

    _rest: bytes = b""
    _data: list[bytes] = attrs.field(factory=list)
    _read: int = 0  # bytes of lines already processed
    _lines: int = 0
    _begun: bool = False

    @property
    def exhausted(self) -> bool:
        """Return whether more lines came than a stream of one short answer can have."""
        return self._lines > MOST_LINES

    def feed(self, piece: bytes) -> Iterator[StreamEvent]:
        """Take the next piece and yield the events that it completes."""
        if self.exhausted:
            return
        self._rest += piece
        if not self._begun:
            if BOM.startswith(self._rest):
                return  # this may be the start of a byte order mark
            self._begun = True
            if self._rest.startswith(BOM):
                self._rest = self._rest[len(BOM) :]
                self._read += len(BOM)
        yield from self._take_lines()

    def finish(self) -> Iterator[StreamEvent]:
        """Yield what a stream without a last blank line still holds.

        The standard drops it; servers that cut a stream after its only event do answer.
        """
        if self.exhausted:
            return
        if self._rest:
            self._take(self._rest.rstrip(b"\r\n"))
            self._read += len(self._rest)
            self._rest = b""
        if (event := self._dispatch()) is not None:
            yield event

    def _take_lines(self) -> Iterator[StreamEvent]:
        """Take the whole lines off the rest."""
        text, begin, before = self._rest, 0, self._read
        for found in _LINE_END.finditer(text):
            self._lines += 1
            if self.exhausted:
                break
            line, begin = text[begin : found.start()], found.end()
            self._read = before + begin
            if line:
                self._take(line)
            elif (event := self._dispatch()) is not None:
                yield event
        self._rest = text[begin:]

    def _take(self, line: bytes) -> None:
        """Keep the value of a data field; comments and other fields say nothing here."""
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))

    def _dispatch(self) -> StreamEvent | None:
        if not self._data:
            return None
        event = StreamEvent(b"\n".join(self._data), self._read)
        self._data = []
        return event


def read_stream(body: bytes) -> Iterator[StreamEvent]:
    """Yield the events of a whole body."""
    reader = EventReader()
    yield from reader.feed(body)
    yield from reader.finish()
