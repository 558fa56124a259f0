"""Attribution on its way from service to service, as OpenTelemetry baggage.

Only texts travel: whether a call is charged is for the service to say that makes it. Baggage goes
wherever the app's propagator takes it, so it is off unless the app asks for it.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.baggage import get_all, remove_baggage, set_baggage
from opentelemetry.context import Context

from spanledger import attributes as names
from spanledger.instrumentation.text import bounded

__all__ = ["BAGGAGE_CHARS_MAX", "arrived", "is_on", "packed", "turn", "unpacked"]

BAGGAGE_CHARS_MAX: Final = 4096
"""Names and values together, each way; entries beyond it stay behind. A header holds 8,192."""

_PREFIX: Final = "spanledger."
_TAG: Final = names.TAG_PREFIX

_TO_BAGGAGE: Final = {
    names.USER_ID: "spanledger.user_id",
    names.TEAM: "spanledger.team",
    names.DEPARTMENT: "spanledger.department",
    names.AGENT_ID: "spanledger.agent_id",
    names.CONVERSATION_ID: "spanledger.conversation_id",
    names.MESSAGE_ID: "spanledger.message_id",
    names.FEATURE: "spanledger.feature",
}
_FROM_BAGGAGE: Final = {entry: name for name, entry in _TO_BAGGAGE.items()}


class _Switch:
    """Whether attribution travels in this process."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False


_switch: Final = _Switch()


def turn(*, on: bool) -> None:
    """Let attribution travel from now on, or no more."""
    _switch.on = on


def is_on() -> bool:
    """Whether attribution travels."""
    return _switch.on


def packed(values: Mapping[str, str | bool], context: Context) -> Context:
    """`context` with the values in its baggage, if they travel at all."""
    if not _switch.on:
        return context
    room = BAGGAGE_CHARS_MAX - sum(
        len(entry) + len(str(value))
        for entry, value in get_all(context).items()
        if entry.startswith(_PREFIX)
    )
    for name, value in values.items():
        entry = _TO_BAGGAGE.get(name) or (name if name.startswith(_TAG) else "")
        room -= len(entry) + len(str(value))
        if entry and isinstance(value, str) and room >= 0:
            context = set_baggage(entry, value, context)
    return context


def arrived() -> dict[str, str | bool]:
    """What the baggage of the current context says; other people's entries are not read."""
    values: dict[str, str | bool] = {}
    room = BAGGAGE_CHARS_MAX
    for entry, value in get_all().items():
        name = _FROM_BAGGAGE.get(entry) or (entry if entry.startswith(_TAG) else "")
        if name:
            room -= len(entry) + len(str(value))
            if room >= 0:
                values[bounded(name)] = bounded(value)
    return values


def unpacked(context: Context) -> Context:
    """`context` without our baggage: for a request to a provider, whom it does not concern."""
    if not _switch.on:
        return context
    for entry in get_all(context):
        if entry.startswith(_PREFIX):
            context = remove_baggage(entry, context)
    return context
