"""The overlay: dated prices of one's own, on top of the list.

A file is a list of overrides; of those that fit a call and hold at its time the last one counts::

    overrides:
      - match: {provider: openai, model: "gpt-4o*", batch: true}
        from: 2026-01-01
        weekdays: [mon, tue, wed, thu, fri]
        hours: "22:00-06:00"
        prices: {input_mtok: "2", output_mtok: {base: "8", tiers: [{start: 200000, price: "9"}]}}
      - match: {provider: anthropic}
        multiplier: "0.9"

docs/pricing.md says what each of these means.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from fnmatch import translate
from pathlib import Path
from typing import Final, NoReturn, cast

import yaml

from spanledger.errors import PriceError
from spanledger.pricing.names import fits_exactly
from spanledger.pricing.statement import Period, Price, Statement
from spanledger.pricing.units import PRICE_KEYS

__all__ = ["Overlay", "load_overlay", "read_overlay"]

_LOADER: Final = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
"""The one in C, ten times as fast, where PyYAML was built with it."""

_PRICE_MAX: Final = Decimal(1_000_000)
_MULTIPLIER_MAX: Final = Decimal(1000)
_PLACES_MAX: Final = 12
"""A price with more decimal places than the store has is a slip, or a float."""

_DEPTH_MAX: Final = 20
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES: Final = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
)  # fmt: skip
_HOURS: Final = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", re.ASCII)
_START: Final = re.compile(r"[0-9]{1,12}")
_GLOB: Final = re.compile(r"[*?\[]")
_KEYS: Final = frozenset(
    {"match", "from", "to", "weekdays", "hours", "prices", "multiplier", "note", "source"}
)


@dataclass(frozen=True, slots=True)
class _Override:
    """An override: for whom, and what it states."""

    patterns: Mapping[str, re.Pattern[str]]
    """Word of the call -> what one of its values must match."""
    statement: Statement

    providers: frozenset[str]
    """The providers that it is for, in so many words; empty where a pattern says it, or nobody."""

    models: tuple[str, ...]
    """The patterns of models, where there are any."""

    def fits(self, words: Mapping[str, Sequence[str]], *, exactly: bool) -> bool:
        return all(
            any(map(pattern.fullmatch, words.get(word, ("",))))
            for word, pattern in self.patterns.items()
        ) and (not exactly or not self.statement.prices or self._names_one(words["model"]))

    def _names_one(self, names: Sequence[str]) -> bool:
        return any(fits_exactly(glob, name) for glob in self.models for name in names)


class Overlay:
    """The overrides of one file. Immutable."""

    def __init__(self, name: str, text: str, overrides: Sequence[_Override]) -> None:
        self.name: Final = name
        """What price lines show as the source, for instance `prices.yaml`."""
        self.text: Final = text
        """The file as it was read."""
        self._overrides: Final = overrides
        # A maintained overlay has hundreds of overrides, few of them for one provider.
        self._places: Final[dict[str, list[int]]] = defaultdict(list)
        for place, one in enumerate(overrides):
            for provider in one.providers or ("",):
                self._places[provider].append(place)

    def __len__(self) -> int:
        return len(self._overrides)

    def statements(
        self, words: Mapping[str, Sequence[str]], *, exactly: bool = False
    ) -> tuple[Statement, ...]:
        """What it states for a call, in the order of the file: the last that holds counts.

        Args:
            words: the call's provider and model, each by all its names, and what else selects a
                price, all in lower case.
            exactly: a `*` after the name of a model stands for a date and the like only, where the
                override has prices: a name that merely begins like another is not that model.
        """
        places = {
            place for name in ("", *words["provider"]) for place in self._places.get(name, ())
        }
        candidates = (self._overrides[place] for place in sorted(places))
        return tuple(one.statement for one in candidates if one.fits(words, exactly=exactly))


def read_overlay(text: str, name: str) -> Overlay:
    """Read an overlay.

    Args:
        text: YAML, or JSON, which is YAML as well.
        name: of the file, for the errors and as the source of its prices.

    Raises:
        PriceError: it says something that it cannot mean; with file, line and reason.
    """
    try:
        # Before it is composed: the composer in C recurses, and would end the process.
        _check_depth(text, name)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        msg = f"{name}:{line}: no YAML: {error.problem}"
        raise PriceError(msg) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        msg = f"{name}:{line}: no YAML: {error.reason}"
        raise PriceError(msg) from error
    except UnicodeEncodeError as error:
        line = text[: error.start].count("\n") + 1
        msg = f"{name}:{line}: no YAML: half of a character"
        raise PriceError(msg) from error
    return _Reader(name).read(text, root)


def _check_depth(text: str, name: str) -> None:
    depth = 0
    for event in cast("Iterable[yaml.Event]", yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH_MAX:
                msg = f"{name}:{_line(event)}: nested too deeply"
                raise PriceError(msg)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reader:
    """Reads the nodes of a file, which know their lines as values would not."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self, text: str, root: yaml.Node | None) -> Overlay:
        if root is None:
            return Overlay(self._name, text, ())
        top = self._mapping(root)
        for key, node in top.items():
            if key != "overrides":
                self._refuse(node, f"unknown key {key!r}: an overlay has `overrides`")
        overrides: list[_Override] = []
        seen: dict[object, int] = {}  # for whom and when -> line
        for node in self._entries(top.get("overrides")):
            fields = self._mapping(node)
            override = self._override(node, fields)
            overrides.append(override)
            identity = (self._identity(fields["match"]), override.statement.period)
            if identity in seen:
                self._refuse(
                    node, f"the same match and time as in line {seen[identity]}: one must go"
                )
            seen[identity] = _line(node)
        return Overlay(self._name, text, tuple(overrides))

    def _override(self, node: yaml.Node, fields: Mapping[str, yaml.Node]) -> _Override:
        for key, value in fields.items():
            if key not in _KEYS:
                self._refuse(value, f"unknown key {key!r}: use {', '.join(sorted(_KEYS))}")
        if "match" not in fields:
            self._refuse(node, "an override says in `match` for whom it is")
        if ("prices" in fields) == ("multiplier" in fields):
            self._refuse(node, "an override has either `prices` or a `multiplier`")
        match = self._mapping(fields["match"])
        patterns = {word: self._pattern(value) for word, value in match.items()}
        named = self._texts(match["provider"]) if "provider" in match else []
        if "batch" in match and self._texts(match["batch"]) not in (["true"], ["false"]):
            self._refuse(match["batch"], "`batch` is true or false, or is left out")
        conditions = {
            word: ", ".join(self._texts(value))
            for word, value in match.items()
            if word not in {"provider", "model"}
        }
        return _Override(
            patterns,
            Statement(
                source=f"overlay:{self._name}:{_line(node)}",
                period=self._period(node, fields),
                prices=self._prices(fields.get("prices")),
                multiplier=self._multiplier(fields.get("multiplier")),
                conditions=conditions,
            ),
            frozenset() if any(map(_GLOB.search, named)) else frozenset(named),
            tuple(self._texts(match["model"])) if "model" in match else (),
        )

    def _identity(self, match: yaml.Node) -> object:
        """For whom it is, whatever the order in which that is said."""
        return frozenset(
            (word, frozenset(self._texts(value))) for word, value in self._mapping(match).items()
        )

    def _pattern(self, node: yaml.Node) -> re.Pattern[str]:
        globs = [translate(text) for text in self._texts(node)]
        if not globs:
            self._refuse(node, "an empty list matches nothing")
        return re.compile("|".join(globs))

    def _texts(self, node: yaml.Node) -> list[str]:
        """A value, or each of a list, in lower case."""
        values = self._entries(node) if isinstance(node, yaml.SequenceNode) else [node]
        return [self._text(value).lower() for value in values]

    def _prices(self, node: yaml.Node | None) -> dict[str, Price | None]:
        if node is None:
            return {}
        prices: dict[str, Price | None] = {}
        for key, value in self._mapping(node).items():
            if key not in PRICE_KEYS:
                self._refuse(value, f"unknown unit {key!r}: use {', '.join(PRICE_KEYS)}")
            prices[PRICE_KEYS[key][0]] = self._price(key, value)
        if not prices:
            self._refuse(node, "`prices` names no price")
        return prices

    def _price(self, key: str, node: yaml.Node) -> Price | None:
        if isinstance(node, yaml.ScalarNode):
            if node.tag == "tag:yaml.org,2002:null":
                return None
            return Price(self._amount(node, f"price for {key}", _PRICE_MAX))
        fields = self._mapping(node)
        if fields.keys() != {"base", "tiers"}:
            self._refuse(node, f"a price for {key} by size has `base` and `tiers`")
        tiers: list[tuple[int, Decimal]] = []
        for entry in self._entries(fields["tiers"]):
            tier = self._mapping(entry)
            if tier.keys() != {"start", "price"}:
                self._refuse(entry, "a tier has `start` and `price`")
            start = self._text(tier["start"])
            if not _START.fullmatch(start) or (tiers and int(start) <= tiers[-1][0]):
                self._refuse(
                    tier["start"], f"tiers start at rising numbers of tokens, not {start[:40]}"
                )
            amount = self._amount(tier["price"], f"price for {key}", _PRICE_MAX)
            tiers.append((int(start), amount))
        if not tiers:
            self._refuse(node, f"a price for {key} by size has no tiers")
        return Price(self._amount(fields["base"], f"price for {key}", _PRICE_MAX), tuple(tiers))

    def _multiplier(self, node: yaml.Node | None) -> Decimal | None:
        return None if node is None else self._amount(node, "multiplier", _MULTIPLIER_MAX)

    def _amount(self, node: yaml.Node, what: str, most: Decimal) -> Decimal:
        """A number exactly as it is written: YAML would make a float of it."""
        text = self._text(node)
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("nan")
        if not amount.is_finite():
            self._refuse(node, f"{what} is {text!r}, not a number")
        if amount.is_signed():
            self._refuse(node, f"negative {what} {text}")
        if amount > most:
            self._refuse(node, f"{what} {text[:40]} is beyond {most}")
        if not amount:
            return Decimal(0)
        if cast("int", amount.as_tuple().exponent) < -_PLACES_MAX:
            self._refuse(node, f"{what} {text[:40]} has more than {_PLACES_MAX} decimal places")
        return amount

    def _period(self, node: yaml.Node, fields: Mapping[str, yaml.Node]) -> Period:
        start, end = (
            self._instant(fields[key]) if key in fields else None for key in ("from", "to")
        )
        if start is not None and end is not None and start >= end:
            self._refuse(node, f"it ends ({end.isoformat()}) before it starts")
        return Period(
            start=start,
            end=end,
            weekdays=self._weekdays(fields.get("weekdays")),
            hours=self._hours(fields.get("hours")),
        )

    def _instant(self, node: yaml.Node) -> datetime:
        text = self._text(node)
        try:
            if len(text) <= len("2026-01-01"):
                return datetime.combine(date.fromisoformat(text), time(), UTC)
            instant = datetime.fromisoformat(text)
            utc = instant.astimezone(UTC)
        except (ValueError, OverflowError):
            self._refuse(node, f"{text!r} is neither a date nor an RFC 3339 time")
        if instant.tzinfo is None:
            self._refuse(node, f"the time {text} has no zone: end it with Z")
        return utc

    def _weekdays(self, node: yaml.Node | None) -> frozenset[int]:
        if node is None:
            return frozenset()
        days: set[int] = set()
        for entry in self._entries(node):
            day = self._text(entry).lower()
            names = _DAY_NAMES if len(day) > len("mon") else _DAYS
            if day not in names:
                self._refuse(entry, f"{day!r} is no day of the week: use {', '.join(_DAYS)}")
            days.add(names.index(day))
        if not days:
            self._refuse(node, "`weekdays` names no day")
        return frozenset(days)

    def _hours(self, node: yaml.Node | None) -> tuple[time, time] | None:
        if node is None:
            return None
        text = self._text(node)
        found = _HOURS.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            hours = [int(part) for part in found.groups()]
            start = time(hours[0], hours[1])
            end = time() if hours[2:] == [24, 0] else time(hours[2], hours[3])
        except ValueError:
            self._refuse(node, f'hours are written as "16:30-00:30", not {text!r}')
        if start == end:
            self._refuse(node, f"the hours {text} are none, or all: leave them out for all")
        return start, end

    def _mapping(self, node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, "a mapping of names to values is expected here")
        fields: dict[str, yaml.Node] = {}
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            name = self._text(key)
            if name in fields:
                self._refuse(key, f"{name!r} is said twice")
            fields[name] = value
        return fields

    def _entries(self, node: yaml.Node | None) -> list[yaml.Node]:
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._refuse(node, "a list is expected here")
        return cast("list[yaml.Node]", node.value)

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, "a plain value is expected here")
        return str(node.value)

    def _refuse(self, node: yaml.Node, reason: str) -> NoReturn:
        msg = f"{self._name}:{_line(node)}: {reason}"
        raise PriceError(msg)


def _line(node: yaml.Node | yaml.Event) -> int:
    return cast("yaml.Mark", node.start_mark).line + 1


def load_overlay(path: Path) -> Overlay:
    """Read an overlay's file.

    Raises:
        PriceError: it cannot be read, or says something that it cannot mean.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise PriceError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: it is no text in UTF-8"
        raise PriceError(msg) from error
    if not text:
        # So it is for a moment while an editor writes it, and prices must not change by that.
        msg = f"{path}: it is empty: delete it, or write `overrides: []`"
        raise PriceError(msg)
    return read_overlay(text, path.name)
