"""The calls in a delivery, each once: of several spans that stand for one call, one is read.

Two spans stand for one call if they have the id of one answer and overlap in time, or if one lies
around the other and both ask the same kind of thing. Only what came in one delivery is compared;
`docs/conventions.md` says which doubles that leaves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from spanledger.call import Call
from spanledger.collector.conventions.kinds import family, is_model_call
from spanledger.collector.conventions.reading import is_ours, to_call
from spanledger.collector.conventions.record import SpanRecord

__all__ = ["Reading", "read_calls"]

_DEPTH_MAX: Final = 32
"""Nobody nests more spans between two that stand for one call."""

_ID_LONG: Final = 20
"""An id with so many characters is given once. Ollama's `chatcmpl-123` is not one of them."""

_FOR_WHOM: Final = (
    "user_id", "team", "department", "agent_id", "conversation_id", "message_id", "feature", "route",
)  # fmt: skip
"""What a span that is dropped leaves to the one that is kept, where that does not say it."""

Ids = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What has been read out of a delivery."""

    calls: list[Call]
    ignored: int
    """Spans that stand for no call of a model, or that lie around one."""
    doubles: int
    """Spans that stand for a call which another one stands for."""


@dataclass(slots=True)
class _Candidate:
    record: SpanRecord
    call: Call
    ours: bool
    left: list["_Candidate"] = field(default_factory=list["_Candidate"])
    """Those that were dropped for this one."""

    @property
    def counted(self) -> bool:
        """It states a usage, if an impossible one."""
        return bool(self.call.usage_problem) or bool(self.call.usage.reported())


def read_calls(records: Sequence[SpanRecord], project: str) -> Reading:
    """The calls that the spans of one delivery stand for, each once, in the order of the spans.

    Args:
        records: the spans, in any order.
        project: of the key that delivered them.
    """
    asked = [
        _Candidate(record, to_call(record, project), is_ours(record))
        for record in records
        if is_model_call(record)
    ]
    kept = asked
    if len(asked) > 1:
        kept = _once_by_answer(_once_by_nesting(asked, records))
    return Reading(
        calls=[_with_attribution(one) for one in kept],
        ignored=len(records) - len(asked),
        doubles=len(asked) - len(kept),
    )


def _once_by_nesting(asked: list[_Candidate], records: Iterable[SpanRecord]) -> list[_Candidate]:
    """Without those that lie around others of their kind; these are nearer to the provider."""
    parents = {(one.trace_id, one.span_id): one.parent_span_id for one in records}
    found = {(one.record.trace_id, one.record.span_id): one for one in asked}
    inside: dict[Ids, list[_Candidate]] = {}
    for one in asked:
        if (around := _around(one, found, parents)) is not None:
            inside.setdefault(around, []).append(one)
    dropped: dict[Ids, _Candidate] = {}
    for around, inner in inside.items():
        outer = found[around]
        if outer.ours:
            lost, winner = [one for one in inner if not one.ours], outer
        elif not outer.counted or any(one.counted for one in inner):
            lost, winner = [outer], max(inner, key=_worth)
        else:
            lost, winner = [one for one in inner if not one.call.error_type], outer
        for one in lost:
            dropped[one.record.trace_id, one.record.span_id] = one
            winner.left.append(one)
    return [one for one in asked if (one.record.trace_id, one.record.span_id) not in dropped]


def _around(
    one: _Candidate, found: Mapping[Ids, _Candidate], parents: Mapping[Ids, str]
) -> Ids | None:
    """The nearest candidate around `one` that asks for the same kind of thing."""
    trace, kind = one.record.trace_id, family(one.call.operation)
    span, seen = one.record.parent_span_id, {one.record.span_id}
    for _ in range(_DEPTH_MAX):
        if not span or span in seen:
            return None
        seen.add(span)
        outer = found.get((trace, span))
        if outer is not None and family(outer.call.operation) == kind:
            return trace, span
        span = parents.get((trace, span), "")
    return None


def _once_by_answer(asked: list[_Candidate]) -> list[_Candidate]:
    """One for each answer: its id is the same, and they were under way at the same time."""
    kept: list[_Candidate] = []
    by_answer: dict[str, list[_Candidate]] = {}
    for one in sorted(asked, key=_worth, reverse=True):
        others = by_answer.setdefault(one.call.response_id, []) if one.call.response_id else []
        same = next((other for other in others if _is_same_call(one, other)), None)
        if same is None:
            others.append(one)
            kept.append(one)
        else:
            same.left.append(one)
    chosen = {id(one) for one in kept}
    return [one for one in asked if id(one) in chosen]


def _is_same_call(one: _Candidate, other: _Candidate) -> bool:
    """Small servers have few ids: theirs come again, but hardly in calls that overlap. Across traces
    such a short id is not enough, unless the two say the same of their output.

    The same span twice is one call that was sent twice, which the store settles.
    """
    first, second = one.call, other.call
    if first.identity == second.identity or family(first.operation) != family(second.operation):
        return False
    said = {first.usage.output_tokens, second.usage.output_tokens} - {None}
    if len(said) > 1 and first.trace_id != second.trace_id and len(first.response_id) < _ID_LONG:
        return False
    return first.start_time <= _end(second) and second.start_time <= _end(first)


def _end(call: Call) -> datetime:
    return call.start_time + timedelta(microseconds=call.duration_us)


def _worth(one: _Candidate) -> tuple[bool, bool, int, datetime, str]:
    """Ours before others, then who says more of the usage, then the inner one, which begins later."""
    call = one.call
    units = len(call.usage.reported())
    return one.ours, one.counted, units, call.start_time, call.span_id


def _with_attribution(one: _Candidate) -> Call:
    """The call, and for whom it was as far as those say that were dropped for it."""
    call = one.call
    for other in one.left:
        giver = _with_attribution(other)
        given = {
            name: getattr(giver, name)
            for name in _FOR_WHOM
            if not getattr(call, name) and getattr(giver, name)
        }
        call = replace(call, **given) if given else call
    return call
