"""What the processes that record on this machine, or did in the last days, have had to tell."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from spanledger.doctor.finding import Finding, attention, fine, plural
from spanledger.instrumentation.lifecycle import PROCESSES
from spanledger.instrumentation.state import State, read_states
from spanledger.instrumentation.telemetry import spool_root
from spanledger.settings import Settings

__all__ = ["check_processes"]

_NAMED_MAX: Final = 3
_KINDS_MAX: Final = 20
"""Of each sort of event so many kinds are listed, the most frequent ones."""

_REPORT: Final = "Please report it, with the version: the application itself is not affected."

_SAYS: Final[Mapping[str, tuple[str, str]]] = {
    "losses": (
        "{count} lost: {kind}.",
        "Their cost is missing. See what is said of the collector and the spool.",
    ),
    "failures": ("Spanledger could not {kind}, {times}.", _REPORT),
    "unknown": (
        "{kind} may be a model call and is not recorded, {times}.",
        "If it costs money, its cost is missing: tell the project which provider and API it is.",
    ),
    "passed_over": (
        "{count} of batches not recorded: {kind}.",
        "Their cost is missing. docs/capture.md says which results can be read.",
    ),
    "not_estimated": (
        "{count} not estimated, though no usage was stated: {kind}.",
        "Their cost is unknown. SPANLEDGER_ASK_FOR_USAGE=true has many providers state it.",
    ),
}
"""Sort of event -> (what is said of a kind, what to do)."""

_THINGS: Final = {"losses": "span", "passed_over": "result", "not_estimated": "call"}

_ADVICE: Final = {
    "the spool is full": "Let the collector be reached, or raise SPANLEDGER_SPOOL_BYTES_MAX.",
    "no directory can be written, and memory is full": (
        "Set SPANLEDGER_SPOOL_DIR to a directory that can be written."
    ),
    "not delivered before the end of the process": (
        "Set SPANLEDGER_SPOOL_DIR to a directory that can be written: there spans wait for the"
        " next process."
    ),
    "the collector refused them": "Look at the log of the collector, and at its version.",
    "the collector rejected them": "Look at the log of the collector, and at its version.",
}
"""Kind of loss -> what to do about it."""


def check_processes(settings: Settings) -> Iterator[Finding]:
    """What was lost, went wrong, or was passed over, and by whom."""
    root = spool_root(settings)
    states = [] if root is None else read_states(root / PROCESSES)
    told = False
    for sort in _SAYS:
        kinds = _by_kind(states, sort)
        most = sorted(kinds, key=lambda kind: -sum(n for _, n in kinds[kind]))
        for kind in most[:_KINDS_MAX]:
            told = True
            yield _finding(sort, kind, kinds[kind])
        if len(most) > _KINDS_MAX:
            rest = len(most) - _KINDS_MAX
            yield attention(
                f"processes.{sort}",
                f"There are {plural(rest, 'further kind')} of this.",
                "See above.",
            )
    if not told:
        yield fine(
            "processes.none",
            "No process of the last 7 days on this machine has lost or passed over anything.",
        )


def _by_kind(states: Sequence[State], sort: str) -> Mapping[str, list[tuple[State, int]]]:
    kinds: defaultdict[str, list[tuple[State, int]]] = defaultdict(list)
    for state in states:
        for kind, count in state.counts.get(sort, {}).items():
            kinds[kind].append((state, count))
    return kinds


def _finding(sort: str, kind: str, told: Sequence[tuple[State, int]]) -> Finding:
    count = sum(n for _, n in told)
    says, advice = _SAYS[sort]
    things = plural(count, _THINGS.get(sort, "time"))
    was = "was" if count == 1 else "were"
    text = says.format(count=f"{things} {was}", kind=kind, times=things)
    return attention(
        f"processes.{sort}",
        f"{text[:-1]} ({_who(told)}).",
        _ADVICE.get(kind, advice),
        kind=kind,
        count=count,
        processes=[_name(state) for state, _ in told],
    )


def _who(told: Sequence[tuple[State, int]]) -> str:
    named = [_name(state) for state, _ in reversed(told)][:_NAMED_MAX]
    others = len(told) - len(named)
    return ", ".join(named) + (f" and {plural(others, 'other')}" if others else "")


def _name(state: State) -> str:
    until = "alive" if state.alive else f"last heard of {_instant(state.updated_s)}"
    return f"{state.service or state.program}, pid {state.pid}, {until}"


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
