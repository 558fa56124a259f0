"""Amounts in other currencies, by dated exchange rates that say where they come from.

All prices and sums are US dollars. Nothing is converted unless it is asked for, and what is
converted says by which rate; where there is none in force, there is no amount.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Final, Self, cast

import yaml

from spanledger.errors import SettingsError
from spanledger.pricing.cost import CURRENCY, SCALE

__all__ = ["CURRENCIES", "NO_RATES", "Converted", "ExchangeRate", "ExchangeRates"]

_CODES: Final = (
    "aed afn all amd aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp "
    "byn bzd cad cdf chf clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp "
    "gbp gel ghs gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr iqd irr isk jmd jod jpy kes "
    "kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt mop mru "
    "mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron "
    "rsd rub rwf sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb tjs tmt tnd "
    "top try ttd twd tzs uah ugx usd uyu uzs ved ves vnd vuv wst xaf xcd xcg xof xpf yer zar "
    "zmw zwg"
)

CURRENCIES: Final = frozenset(re.findall(r"[a-z]{3}", _CODES))
"""The currencies of ISO 4217 that are money to pay with, in lower case."""

_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_FIELDS: Final = frozenset({"currency", "per_usd", "from", "source"})

_EXACT: Final = Context(prec=120, rounding=ROUND_HALF_EVEN)
"""Wide enough for the largest sum of the store (76 digits) and any rate."""

_NUMBER_CHARS_MAX: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRate:
    """What a US dollar is in another currency, from a day on until the next rate."""

    currency: str
    """ISO 4217, in lower case."""
    per_usd: Decimal
    """So much of the currency is one US dollar."""
    valid_from: date
    """The first day on which it is in force, in UTC."""
    source: str
    """Who says so."""


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in another currency than it was, and by which rate."""

    amount: Decimal
    """Rounded half even to 12 decimal places, as all amounts are."""
    currency: str
    rate: ExchangeRate | None
    """`None`: the amount is in the currency in which it was, and unchanged."""


class ExchangeRates:
    """The rates of a file. Immutable, and safe to share between threads."""

    __slots__ = ("_by_currency",)

    def __init__(self, rates: Iterable[ExchangeRate] = ()) -> None:
        """In any order; of one currency and day there is one."""
        by_currency: dict[str, list[ExchangeRate]] = {}
        for rate in sorted(rates, key=lambda rate: rate.valid_from):
            by_currency.setdefault(rate.currency, []).append(rate)
        self._by_currency: Final[Mapping[str, list[ExchangeRate]]] = by_currency

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file: a list `rates` of `{currency, per_usd, from, source}`.

        Numbers are read as they are spelled, with or without quotation marks, never as floats.

        Raises:
            SettingsError: it cannot be read, or something in it makes no sense; the text names the
                file and the line.
        """
        return cls(_read(path))

    @property
    def currencies(self) -> tuple[str, ...]:
        """The codes that there are rates for, in order; US dollars are not among them."""
        return tuple(sorted(self._by_currency))

    def rate(self, currency: str, at: datetime) -> ExchangeRate | None:
        """The rate that is in force at `at` (aware); `None` where there is none."""
        dated = self._by_currency.get(currency.lower(), [])
        day = at.astimezone(UTC).date()
        found = bisect_right(dated, day, key=lambda rate: rate.valid_from)
        return dated[found - 1] if found else None

    def convert(self, amount: Decimal, currency: str, at: datetime) -> Converted | None:
        """US dollars in `currency`; `None` where no rate for it is in force at `at`."""
        if currency.lower() == CURRENCY:
            return Converted(amount, CURRENCY, None)
        rate = self.rate(currency, at)
        if rate is None:
            return None
        return Converted(_rounded(_EXACT.multiply(amount, rate.per_usd)), rate.currency, rate)

    def convert_stated(self, amount: Decimal, currency: str, at: datetime) -> Converted | None:
        """What somebody states in `currency`, in US dollars; `None` as above."""
        if currency.lower() == CURRENCY:
            return Converted(amount, CURRENCY, None)
        rate = self.rate(currency, at)
        if rate is None:
            return None
        return Converted(_rounded(_EXACT.divide(amount, rate.per_usd)), CURRENCY, rate)


NO_RATES: Final = ExchangeRates()
"""Where no file is named: everything stays in US dollars."""


def _rounded(amount: Decimal) -> Decimal:
    return _EXACT.quantize(amount, SCALE)


def _read(path: Path) -> Iterator[ExchangeRate]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # PyYAML's texts are of several lines, with the place among them.
        msg = f"cannot read {path}: {' '.join(str(error).split())}"
        raise SettingsError(msg) from error
    seen: set[tuple[str, date]] = set()
    for entry in _entries(path, root):
        rate = _rate(path, entry)
        if (rate.currency, rate.valid_from) in seen:
            msg = f"there is a rate for {rate.currency} from {rate.valid_from} already"
            raise _wrong(path, entry, msg)
        seen.add((rate.currency, rate.valid_from))
        yield rate


def _entries(path: Path, root: yaml.Node | None) -> Iterator[yaml.Node]:
    """The nodes of the list at `rates`, which is all that may be in the file."""
    if root is None:
        return
    members = _members(path, root)
    rates = members.get("rates")
    if len(members) != 1 or not isinstance(rates, yaml.SequenceNode):
        raise _wrong(path, root, "the file is a mapping with one member, the list 'rates'")
    yield from cast("list[yaml.Node]", rates.value)


def _rate(path: Path, entry: yaml.Node) -> ExchangeRate:
    members = _members(path, entry)
    missing, unknown = _FIELDS - set(members), set(members) - _FIELDS
    if missing or unknown:
        what = ", ".join(sorted(missing or unknown))
        what += " is missing" if missing else " is unknown"
        raise _wrong(path, entry, f"a rate has {', '.join(sorted(_FIELDS))}: {what}")
    words = {name: _word(path, name, node) for name, node in members.items()}
    currency = words["currency"].lower()
    if currency not in CURRENCIES or currency == CURRENCY:
        what = f"currency is {words['currency']!r}: use a code of ISO 4217 other than usd"
        raise _wrong(path, members["currency"], what)
    return ExchangeRate(
        currency=currency,
        per_usd=_number(path, members["per_usd"], words["per_usd"]),
        valid_from=_day(path, members["from"], words["from"]),
        source=words["source"],
    )


def _members(path: Path, node: yaml.Node) -> Mapping[str, yaml.Node]:
    """A mapping's members by name."""
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(path, node, "here is a mapping of names to values wanted")
    found: dict[str, yaml.Node] = {}
    for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        name = _word(path, "a name", key)
        if name in found:
            raise _wrong(path, key, f"{name} stands twice")
        found[name] = value
    return found


def _word(path: Path, name: str, node: yaml.Node) -> str:
    """A scalar as it is spelled: YAML's own reading of a number would be a float."""
    word = str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
    if not word:
        raise _wrong(path, node, f"{name} is empty, or no plain value")
    return word


def _number(path: Path, node: yaml.Node, word: str) -> Decimal:
    if len(word) > _NUMBER_CHARS_MAX or not _NUMBER.fullmatch(word) or not Decimal(word):
        what = f"per_usd is {word[:100]!r}: use a number above zero, such as 7.12"
        raise _wrong(path, node, what)
    return Decimal(word)


def _day(path: Path, node: yaml.Node, word: str) -> date:
    try:
        return date.fromisoformat(word)
    except ValueError:
        what = f"from is {word[:100]!r}: use a day, such as 2026-11-01"
        raise _wrong(path, node, what) from None


def _wrong(path: Path, node: yaml.Node, what: str) -> SettingsError:
    return SettingsError(f"{path}, line {node.start_mark.line + 1}: {what}")
