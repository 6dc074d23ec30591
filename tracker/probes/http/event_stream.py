"""Server-sent events as the standard reads them (WHATWG HTML, section 9.2). Total, incremental."""

from collections.abc import Iterator

import attrs

from tracker.probes.http.response import BOM


@attrs.frozen
class StreamEvent:
    """One event. ``end``: how many bytes of the stream it took to know it."""

    data: bytes
    end: int


@attrs.define
class EventReader:
    """Reads a stream piece by piece; an event is there once its blank line has come."""

    _rest: bytes = b""
    _data: list[bytes] = attrs.field(factory=list)
    _read: int = 0  # bytes of lines that are done with
    _begun: bool = False

    def feed(self, piece: bytes) -> Iterator[StreamEvent]:
        """Take the next piece and yield the events that it completes."""
        self._rest += piece
        if not self._begun:
            if BOM.startswith(self._rest):
                return  # it may still become a byte order mark
            self._begun = True
            if self._rest.startswith(BOM):
                self._rest = self._rest[len(BOM) :]
                self._read += len(BOM)
        while (line := self._next_line()) is not None:
            if line:
                self._take(line)
            elif (event := self._dispatch()) is not None:
                yield event

    def finish(self) -> Iterator[StreamEvent]:
        """Yield what a stream without a last blank line still holds.

        The standard drops it; servers that cut a stream after its only event do answer.
        """
        if self._rest:
            self._take(self._rest.rstrip(b"\r\n"))
            self._read += len(self._rest)
            self._rest = b""
        if (event := self._dispatch()) is not None:
            yield event

    def _next_line(self) -> bytes | None:
        """Take the next whole line off; it ends with LF, CR or CRLF."""
        ends = [place for mark in (b"\n", b"\r") if (place := self._rest.find(mark)) >= 0]
        if not ends:
            return None
        end = min(ends)
        after = end + 1
        if self._rest[end:after] == b"\r":
            if after == len(self._rest):
                return None  # an LF of the same line end may follow
            if self._rest[after : after + 1] == b"\n":
                after += 1
        line, self._rest = self._rest[:end], self._rest[after:]
        self._read += after
        return line

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
