"""Query parameters: one table of them, read strictly, refused with a sentence that helps.

A parameter that is not in a route's table is refused, so a misspelt filter can never silently
widen a sum.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spanledger.api.errors import Refused, invalid
from spanledger.storage.query import DIMENSIONS

__all__ = [
    "FILTERS",
    "FILTER_NAMES",
    "PAGING",
    "RANGE",
    "ZONE",
    "Parameter",
    "Parameters",
    "json_items",
    "read_parameters",
]

_TAG: Final = "tag:"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS: Final = range(1970, 2200)
_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_LOST_PLUS: Final = re.compile(r"(T.*) (\d\d:?\d\d)$")
_LONG: Final = 100
"""More characters than this of a caller's text are not repeated to them."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter that a route knows."""

    name: str
    """A name that ends in `<name>` stands for all that begin like it."""
    description: str
    repeatable: bool = False


FILTER_NAMES: Final[Mapping[str, str]] = {
    f"{key}es" if key.endswith("s") else f"{key}s": dimension
    for dimension, key in DIMENSIONS.items()
}
"""The filter parameter of each dimension: the plural of its key in results."""

FILTERS: Final = (
    *(
        Parameter(
            name,
            f"Only calls with this {dimension.replace('_', ' ')}; empty: none.",
            repeatable=True,
        )
        for name, dimension in FILTER_NAMES.items()
    ),
    Parameter(
        f"{_TAG}<name>",
        "Only calls whose tag `<name>` has this value; empty: none.",
        repeatable=True,
    ),
)
"""Which calls are meant: every filter must hold; a repeated one accepts any of its values."""

ZONE: Final = Parameter("timezone", "IANA name of the zone of hours and days; default UTC.")

RANGE: Final = (
    Parameter(
        "start_time",
        "First instant: unix seconds, RFC 3339, or a date. A time without an offset, or a date "
        "(its first instant), is read in `timezone`.",
    ),
    Parameter("end_time", "End of the range, itself excluded; written like `start_time`."),
    ZONE,
)

PAGING: Final = (
    Parameter("limit", "Size of a page."),
    Parameter("page", "`next_page` of the answer before, with all else unchanged."),
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request, by name; each is among those that the route knows."""

    values: Mapping[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """The value of `name`; `default` where it is absent or empty."""
        return self.values.get(name, ("",))[0] or default

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value of the repeatable `name`."""
        return self.values.get(name, ())

    def number(self, name: str, *, default: int, largest: int) -> int:
        """The value of `name` as a whole number from 1 to `largest`."""
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:19]) <= largest):
            msg = f"{name} is {_quote(text)}: use a whole number, 1 to {largest}."
            raise invalid(msg, param=name)
        return int(text)

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """The value of `name`, one of `choices`."""
        text, known = self.text(name, default), tuple(choices)
        if text not in known:
            msg = f"{name} is {_quote(text)}: use one of {', '.join(known)}."
            raise invalid(msg, param=name)
        return text

    def flag(self, name: str, *, default: bool) -> bool:
        """The value of `name`, true or false."""
        return self.choice(name, ["true", "false"], "true" if default else "false") == "true"

    def zone(self) -> ZoneInfo:
        """The time zone asked for."""
        name = self.text("timezone", "UTC")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"timezone {_quote(name)} is unknown: use an IANA name such as Asia/Shanghai."
            raise invalid(message, param="timezone") from None

    def time(self, name: str) -> datetime | None:
        """The instant that `name` says, in UTC; `None` where it is absent."""
        text = self.text(name)
        if not text:
            return None
        try:
            instant = _instant(text, self.zone())
        except (ValueError, OverflowError):
            instant = None
        if instant is None or instant.year not in _YEARS:
            message = (
                f"{name} is {_quote(text)}: use unix seconds, a date such as 2026-11-30, or RFC "
                f"3339 such as 2026-11-30T08:00:00Z, from {_YEARS.start} to {_YEARS.stop - 1}."
            )
            raise invalid(message, param=name)
        return instant

    def needed_time(self, name: str) -> datetime:
        """The instant that `name` says, which must be there, in UTC."""
        instant = self.time(name)
        if instant is None:
            msg = f"{name} is missing: say which time is meant."
            raise invalid(msg, param=name)
        return instant

    def filters(self) -> dict[str, tuple[str, ...]]:
        """The accepted values of each dimension that a filter names."""
        return {
            FILTER_NAMES.get(name, name): values
            for name, values in self.values.items()
            if name in FILTER_NAMES or name.startswith(_TAG)
        }

    def question(self) -> dict[str, tuple[str, ...]]:
        """All that says what is asked, and not how much of the answer is wanted."""
        return {
            name: values for name, values in self.values.items() if name not in {"page", "limit"}
        }


def read_parameters(items: Iterable[tuple[str, str]], known: tuple[Parameter, ...]) -> Parameters:
    """Sort the pairs of a query string by name.

    Raises:
        Refused: a name is not among `known`, or stands twice where once is meant.
    """
    table = {parameter.name: parameter for parameter in known}
    values: dict[str, tuple[str, ...]] = {}
    for name, value in items:
        parameter = table.get(_family(name))
        if parameter is None:
            raise invalid(_unknown(name, tuple(table)), param=name[:_LONG])
        if name in values and not parameter.repeatable:
            msg = f"{name} stands more than once: give it one value."
            raise invalid(msg, param=name)
        values[name] = (*values.get(name, ()), value)
    return Parameters(values)


def json_items(body: bytes) -> list[tuple[str, str]]:
    """The pairs of a JSON object, as if they stood in a query string; a list is repeated.

    Raises:
        Refused: it is no JSON object, or a value of it is no text, number, truth value or list.
    """
    try:
        stated: object = json.loads(body) if body.strip() else {}
    except ValueError:
        stated = None
    if not isinstance(stated, dict):
        message = 'The body is no JSON object: send one such as {"dry_run": true}.'
        raise Refused(422, message)
    return [
        (name, _json_text(name, value))
        for name, values in cast("dict[str, object]", stated).items()
        for value in (cast("list[object]", values) if isinstance(values, list) else [values])
        if value is not None
    ]


def _json_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    message = f"{_quote(name)} is neither a text, a whole number, true, false nor a list of them."
    raise invalid(message, param=name[:_LONG])


def _family(name: str) -> str:
    is_tag = name.startswith(_TAG) and len(name) > len(_TAG)
    return f"{_TAG}<name>" if is_tag else name


def _unknown(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return f"Parameter {_quote(name)} is unknown: this address takes none."
    if near := get_close_matches(name, known, n=1):
        return f"Parameter {_quote(name)} is unknown: did you mean {near[0]}?"
    return f"Parameter {_quote(name)} is unknown: use {', '.join(known)}."


def _instant(text: str, zone: ZoneInfo) -> datetime:
    if _DIGITS.fullmatch(text):
        return _EPOCH + timedelta(seconds=int(text.partition(".")[0]))
    # A `+` that was not escaped in the address arrives as a space.
    moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _quote(text: str) -> str:
    return repr(text if len(text) <= _LONG else f"{text[:_LONG]}…")
