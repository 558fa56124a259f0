"""Server-sent events out of bytes, however the network cut them (WHATWG HTML, section 9.2)."""

from dataclasses import dataclass
from typing import Final

__all__ = ["EVENT_BYTES_MAX", "Event", "EventDecoder"]

EVENT_BYTES_MAX: Final = 8 * 1024 * 1024
"""The most that is kept of one unfinished event. The last event of a stream repeats the whole
answer in some formats, images included, so this is generous; a longer event is dropped."""

_BOM: Final = b"\xef\xbb\xbf"
_LINE_ENDS: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; the name is empty where the stream gives none."""

    name: str
    data: str


class EventDecoder:
    """Turns the chunks of a stream into events. It takes any bytes, and its memory is bounded."""

    __slots__ = (
        "_after_cr",
        "_data",
        "_limit",
        "_line",
        "_name",
        "_oversized",
        "_started",
        "dropped",
    )

    def __init__(self, *, limit: int = EVENT_BYTES_MAX) -> None:
        self.dropped = 0
        """Events that were longer than the limit, and so are missing from what was returned."""
        self._limit = limit
        self._line = bytearray()  # the unfinished line
        self._data = bytearray()  # the unfinished event's data lines, each with a line feed
        self._name = b""
        self._started = False
        self._after_cr = False
        self._oversized = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        if not chunk:
            return []
        events: list[Event] = []
        # A carriage return ends a line at once; a line feed after it belongs to the same end.
        rest = chunk.removeprefix(b"\n") if self._after_cr else chunk
        self._after_cr = chunk.endswith(b"\r")
        for piece in rest.splitlines(keepends=True):
            content = piece.rstrip(_LINE_ENDS)
            self._keep(content)
            if len(content) < len(piece):
                self._end_line(events)
        return events

    def flush(self) -> list[Event]:
        """The event that the stream left open, to be asked for once at its end.

        The standard discards it. Here it counts: some servers leave out the last blank line, and
        the last event is the one that holds the usage.
        """
        events: list[Event] = []
        if self._line:
            self._end_line(events)
        self._end_event(events)
        return events

    def _keep(self, content: bytes) -> None:
        kept = len(self._line) + len(self._data) + len(self._name)
        if kept + len(content) <= self._limit and not self._oversized:
            self._line += content
            return
        self._oversized = True
        self._data.clear()
        # Of a dropped event's line only one thing matters still: whether it is blank.
        self._line[:] = self._line[:1] or content[:1]

    def _end_line(self, events: list[Event]) -> None:
        line = bytes(self._line)
        self._line.clear()
        if not self._started:
            line = line.removeprefix(_BOM)
            self._started = True
        if not line:
            self._end_event(events)
        elif not self._oversized:
            self._read_field(line)

    def _read_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data += value.removeprefix(b" ") + b"\n"
        elif name == b"event":
            self._name = value.removeprefix(b" ")

    def _end_event(self, events: list[Event]) -> None:
        if self._oversized:
            self.dropped += 1
            self._oversized = False
        elif self._data:
            data = self._data[:-1].decode("utf-8", "replace")
            events.append(Event(name=self._name.decode("utf-8", "replace"), data=data))
        self._data.clear()
        self._name = b""
