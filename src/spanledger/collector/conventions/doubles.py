"""The calls in a delivery, each once: of several spans that stand for one call, one is read.

Two spans stand for one call if they have the id of one answer and overlap in time, or if one lies
around the other and both ask the same kind of thing. In one delivery the better one is read; of
those that come in several, the first (`Recent`). `docs/conventions.md` says which doubles are left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from spanledger.call import Call
from spanledger.collector.conventions.kinds import billable_operation, family, starts_others
from spanledger.collector.conventions.reading import is_ours, to_call
from spanledger.collector.conventions.recent import Recent, is_counted, is_same_call
from spanledger.collector.conventions.record import SpanRecord

__all__ = ["Reading", "read_calls"]

_DEPTH_MAX: Final = 32
"""Nobody nests more spans between two that stand for one call."""

_FOR_WHOM: Final = (
    "user_id", "team", "department", "agent_id", "conversation_id", "message_id", "feature",
    "route",
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
        """It states a usage."""
        return is_counted(self.call)


def read_calls(
    records: Sequence[SpanRecord], project: str, recent: Recent | None = None
) -> Reading:
    """The calls that the spans of one delivery stand for, each once, in the order of the spans.

    Args:
        records: the spans, in any order.
        project: of the key that delivered them.
        recent: what was read of other deliveries; without it they are not compared.
    """
    asked = [
        _Candidate(record, to_call(record, project, operation), is_ours(record))
        for record in records
        if (operation := billable_operation(record))
    ]
    kept = asked
    if len(asked) > 1:
        kept = _once_by_answer(_once_by_nesting(asked, records))
    if recent is not None:
        kept = _new_among(kept, recent, _parents(records))
    return Reading(
        calls=[_with_attribution(one) if one.left else one.call for one in kept],
        ignored=len(records) - len(asked),
        doubles=len(asked) - len(kept),
    )


def _once_by_nesting(asked: list[_Candidate], records: Iterable[SpanRecord]) -> list[_Candidate]:
    """Without those that lie around others of their kind; these are nearer to the provider."""
    dropped: set[Ids] = set()
    for outer, inner in _nested(asked, records):
        if outer.ours:
            lost, winner = [one for one in inner if not one.ours], outer
        elif not outer.counted or any(one.counted for one in inner):
            lost, winner = [outer], max(inner, key=_worth)
        else:
            lost, winner = [one for one in inner if not one.call.error_type], outer
        winner.left.extend(lost)
        dropped.update(_ids(one) for one in lost)
    return [one for one in asked if _ids(one) not in dropped] if dropped else asked


def _nested(
    asked: list[_Candidate], records: Iterable[SpanRecord]
) -> list[tuple[_Candidate, list[_Candidate]]]:
    """Each candidate that lies around others of its kind, with those next to it."""
    parents = _parents(records)
    found = {_ids(one): one for one in asked}
    inside: dict[Ids, list[_Candidate]] = {}
    for one in asked:
        # Most have no parent, or one that is not here.
        if (one.record.trace_id, one.record.parent_span_id) in parents:
            around = _around(one, found, parents)
            if around is not None:
                inside.setdefault(around, []).append(one)
    return [(found[around], inner) for around, inner in inside.items()]


def _parents(records: Iterable[SpanRecord]) -> dict[Ids, str]:
    """The parent of each span; a tool or agent inside a call begins anew, and has none."""
    return {
        (one.trace_id, one.span_id): "" if starts_others(one) else one.parent_span_id
        for one in records
    }


def _new_among(
    kept: list[_Candidate], recent: Recent, parents: Mapping[Ids, str]
) -> list[_Candidate]:
    """Those that no call of an earlier delivery is; they are remembered."""
    new: list[_Candidate] = []
    known = [(one, _above(one.record, parents)) for one in kept]
    for one, above in known:
        if not recent.is_double(one.call, above):
            new.append(one)
    chosen = {id(one) for one in new}
    for one, above in known:
        if id(one) in chosen:
            recent.remember(one.call, above)
    return new


def _ids(one: _Candidate) -> Ids:
    return one.record.trace_id, one.record.span_id


def _around(
    one: _Candidate, found: Mapping[Ids, _Candidate], parents: Mapping[Ids, str]
) -> Ids | None:
    """The nearest candidate around `one` that asks for the same kind of thing."""
    trace, kind = one.record.trace_id, family(one.call.operation)
    for span in (above := _above(one.record, parents)):
        outer = found.get((trace, span))
        if outer is not None and family(outer.call.operation) == kind:
            # Who says that they lie around each other is not believed.
            return None if one.record.span_id in above else (trace, span)
    return None


def _above(record: SpanRecord, parents: Mapping[Ids, str]) -> list[str]:
    """The spans above, the nearest first, as far as they are here; itself, if it is among them."""
    above: list[str] = []
    span = record.parent_span_id
    while span and span not in above and len(above) < _DEPTH_MAX:
        above.append(span)
        span = parents.get((record.trace_id, span), "")
    return above


def _once_by_answer(asked: list[_Candidate]) -> list[_Candidate]:
    """One for each answer: its id is the same, and they were under way at the same time."""
    ids = [one.call.response_id for one in asked if one.call.response_id]
    if len(set(ids)) == len(ids):
        return asked
    kept: list[_Candidate] = []
    by_answer: dict[str, list[_Candidate]] = {}
    for one in sorted(asked, key=_worth, reverse=True):
        others = by_answer.setdefault(one.call.response_id, []) if one.call.response_id else []
        same = next((other for other in others if is_same_call(one.call, other.call)), None)
        if same is None:
            others.append(one)
            kept.append(one)
        else:
            same.left.append(one)
    chosen = {id(one) for one in kept}
    return [one for one in asked if id(one) in chosen]


def _worth(one: _Candidate) -> tuple[bool, bool, int, datetime, str]:
    """Ours first, then who says more of the usage, then the inner one, which begins later."""
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
