"""The calls that were read a short while ago: spans of one call may come in several deliveries."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from spanledger.call import Call, CallId
from spanledger.collector.conventions.kinds import family

__all__ = ["Recent", "is_counted", "is_same_call"]

_SIZE: Final = 20_000
"""Calls that are remembered: those of a few seconds at full load."""

_ID_LONG: Final = 20
"""An id with so many characters is given once. Ollama's `chatcmpl-123` is not one of them."""

_Around = tuple[str, str, str, str]
"""Project, trace and span, and what kind of thing was asked inside."""


@dataclass(frozen=True, slots=True)
class _Seen:
    call: Call
    around: tuple[_Around, ...]


class Recent:
    """Remembers calls, so that another span of one of them is known when it comes later.

    The same span again is not another one: it is as welcome as it was, so that a delivery may be
    read twice. It knows what one process has read since it started, and of each project apart.
    """

    def __init__(self, size: int = _SIZE) -> None:
        """Begin with nothing.

        Args:
            size: how many calls to remember.
        """
        self._size = size
        self._lock = threading.Lock()
        self._seen: dict[CallId, _Seen] = {}
        self._around: dict[_Around, CallId] = {}
        self._answers: dict[tuple[str, str], CallId] = {}

    def is_double(self, call: Call, above: Sequence[str]) -> bool:
        """Whether a call that is remembered is the same as this one.

        Args:
            call: as it was read.
            above: the ids of the spans above it, as far as they are known.
        """
        with self._lock:
            return call.identity not in self._seen and self._is_double(call, above)

    def remember(self, call: Call, above: Sequence[str]) -> None:
        """Remember a call that is kept. One without usage may yet be told by somebody else."""
        if not is_counted(call):
            return
        kind = family(call.operation)
        around = tuple((call.project, call.trace_id, span, kind) for span in above)
        with self._lock:
            self._seen[call.identity] = _Seen(call, around)
            self._around.update(dict.fromkeys(around, call.identity))
            if call.response_id:
                self._answers[call.project, call.response_id] = call.identity
            if len(self._seen) > self._size:
                self._forget(next(iter(self._seen)))

    def _is_double(self, call: Call, above: Sequence[str]) -> bool:
        kind = family(call.operation)
        if (*call.identity, kind) in self._around:
            return True
        for span in above:
            outer = self._seen.get((call.project, call.trace_id, span))
            if outer is not None and family(outer.call.operation) == kind:
                return True
        answered = self._answers.get((call.project, call.response_id))
        return answered is not None and is_same_call(call, self._seen[answered].call)

    def _forget(self, identity: CallId) -> None:
        gone = self._seen.pop(identity)
        for around in gone.around:
            if self._around.get(around) == identity:
                del self._around[around]
        answer = gone.call.project, gone.call.response_id
        if self._answers.get(answer) == identity:
            del self._answers[answer]


def is_counted(call: Call) -> bool:
    """Whether it states a usage, if an impossible one."""
    return bool(call.usage_problem) or bool(call.usage.reported())


def is_same_call(first: Call, second: Call) -> bool:
    """Whether two spans with the id of one answer stand for one call.

    Small servers have few ids: theirs come again, but hardly in calls that overlap. Across traces
    such a short id is not enough, unless the two say the same of their output. The same span twice
    is one call that was sent twice, which the store settles.
    """
    if first.identity == second.identity or family(first.operation) != family(second.operation):
        return False
    said = {first.usage.output_tokens, second.usage.output_tokens} - {None}
    if len(said) > 1 and first.trace_id != second.trace_id and len(first.response_id) < _ID_LONG:
        return False
    return first.start_time <= _end(second) and second.start_time <= _end(first)


def _end(call: Call) -> datetime:
    return call.start_time + timedelta(microseconds=call.duration_us)
