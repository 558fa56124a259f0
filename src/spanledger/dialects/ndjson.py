"""JSON lines out of bytes, however the network cut them: each line is an event without a name."""

from spanledger.dialects.sse import EVENT_BYTES_MAX, Event

__all__ = ["LineDecoder"]


class LineDecoder:
    """Turns the chunks of a stream into lines. It takes any bytes, and its memory is bounded."""

    __slots__ = ("_limit", "_line", "_oversized", "dropped")

    def __init__(self, *, limit: int = EVENT_BYTES_MAX) -> None:
        self.dropped = 0
        """Lines that were longer than the limit, and so are missing from what was returned."""
        self._limit = limit
        self._line = bytearray()  # the unfinished line
        self._oversized = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The lines that `chunk` completes, but for blank ones."""
        *ended, rest = chunk.split(b"\n")
        events: list[Event] = []
        for piece in ended:
            self._keep(piece)
            self._end_line(events)
        self._keep(rest)
        return events

    def flush(self) -> list[Event]:
        """The line that the stream left open, to be asked for once at its end."""
        events: list[Event] = []
        self._end_line(events)
        return events

    def _keep(self, piece: bytes) -> None:
        self._oversized = self._oversized or len(self._line) + len(piece) > self._limit
        if self._oversized:
            self._line.clear()
        else:
            self._line += piece

    def _end_line(self, events: list[Event]) -> None:
        if self._oversized:
            self.dropped += 1
            self._oversized = False
        elif line := self._line.strip():
            events.append(Event(name="", data=line.decode("utf-8", "replace")))
        self._line.clear()
