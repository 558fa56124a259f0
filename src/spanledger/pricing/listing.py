"""The list prices: data of the genai-prices package, or of a file in its format.

Of that package we use the data and its patterns of model names, never its calculator. A model is
found by its id, by a name that the list has for it, or by one of its patterns where all that the
name has beyond them is a date or a revision. A name that only resembles another has no price.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cached_property
from importlib.metadata import version
from itertools import chain
from typing import Any, Final, Literal, cast

from spanledger.errors import PriceError
from spanledger.pricing.names import Name, read_name, without_owner
from spanledger.pricing.statement import Period, Price, Statement
from spanledger.pricing.units import PRICE_KEYS

__all__ = [
    "PREFIXES",
    "Found",
    "ListedModel",
    "MatchKind",
    "PriceList",
    "installed_list",
    "installed_version",
]

Raw = Mapping[str, Any]

MatchKind = Literal["exact", "alias", "dated", "normalised"]
"""How a name was found: it is the model's id, another name of it, one with a date or a revision, or
one of these after a path or prefix had been taken off."""

_PATH: Final = re.compile(r"(?:.*/)?(?:publishers/[^/]+/)?models/([^/]+)|arn:[^/]+/(?:.*/)?([^/]+)")
"""Google's resource names, and Amazon's."""


@dataclass(frozen=True, slots=True)
class Found:
    """A model of the list, and how its name was found."""

    provider: str
    """Id of the provider in the list: a fallback's where the model stands there."""
    model: "ListedModel"
    match: MatchKind


class ListedModel:
    """A model of the list; its prices are read when they are first needed."""

    def __init__(self, raw: Raw) -> None:
        self.id: Final[str] = raw["id"]
        self._raw = raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListedModel) and self._raw == other._raw

    __hash__ = None  # pyright: ignore[reportAssignmentType] - what it is made of can be changed

    @property
    def context_window(self) -> int | None:
        """How many tokens of input it takes, where the list says so."""
        stated = self._raw.get("context_window")
        return stated if isinstance(stated, int) else None

    def check(self) -> None:
        """Read all of it, so that a list that is none is refused before a call asks for it."""
        self.base("")
        self.variants("")
        _matches(self._raw["match"], "")

    def base(self, source: str) -> tuple[Statement, ...]:
        """What it costs, a statement for each time; the last that holds counts, else the first."""
        if self._raw.get("prices"):
            return tuple(_statements(self._raw["prices"], source))
        # The list has models without any price. That they are free is to be said in so many words.
        free: dict[str, Price | None] = dict.fromkeys(("input_tokens", "output_tokens"), _FREE)
        return (Statement(source=source, prices=free),) if self.id.endswith(":free") else ()

    def variants(self, source: str) -> tuple[Statement, ...]:
        """What differs by tier and the like; of several that hold the first counts, by unit."""
        return tuple(_statements(self._raw.get("price_variants") or (), source))

    def names(self) -> Iterator[str]:
        """What the list calls it besides its id, in lower case."""
        return (value for kind, value in _clauses(self._raw["match"]) if kind == "equals")

    def is_like(self, name: str) -> bool:
        """Whether one of its patterns fits `name`, and only a date or a revision is beyond it."""
        if not _matches(self._raw["match"], name):
            return False
        form = read_name(without_owner(name))
        return form is not None and any(form.is_of(known) for known in self._known_names)

    @cached_property
    def _known_names(self) -> list[Name]:
        texts = [("equals", self.id.lower()), *_clauses(self._raw["match"])]
        forms = (read_name(text, begun=kind != "equals") for kind, text in texts)
        return [form for form in forms if form is not None]


class PriceList:
    """All that a list says. Immutable."""

    def __init__(self, version: str, raw: Sequence[Raw]) -> None:
        """Take a list in the format of genai-prices' `data.json`.

        Args:
            version: what the list calls itself, for instance `genai-prices/0.2.3`.
            raw: the providers.

        Raises:
            PriceError: it has not that format.
        """
        self.version: Final = version
        self.raw: Final = raw
        try:
            self._models = {
                str(provider["id"]): [ListedModel(model) for model in provider["models"]]
                for provider in raw
            }
            self._named: Final = {
                provider: _by_name(models) for provider, models in self._models.items()
            }
            self._fallbacks: dict[str, Sequence[str]] = {
                provider["id"]: tuple(provider.get("fallback_model_providers") or ())
                for provider in raw
            }
            if not isinstance(cast("object", raw), Sequence):
                raise TypeError
            for model in chain.from_iterable(self._models.values()):
                model.check()
        except PriceError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, re.error) as error:
            msg = "the price list has not the format of genai-prices' data.json"
            raise PriceError(msg) from error

    def providers(self) -> list[str]:
        """The ids of all providers."""
        return list(self._models)

    def models(self) -> Iterator[tuple[str, ListedModel]]:
        """Every model with its provider's id."""
        for provider, models in self._models.items():
            yield from ((provider, model) for model in models)

    def find(self, provider: str, name: str) -> Found | None:
        """The model of `provider`, by its id in the list, that `name` means."""
        for form, candidate in _forms(provider, name):
            for place in (provider, *self._fallbacks.get(provider, ())):
                found = self._named.get(place, {}).get(candidate) or self._like(place, candidate)
                if found is not None:
                    model, match = found
                    return Found(place, model, match if form == "as it is" else "normalised")
        return None

    def _like(self, provider: str, name: str) -> "tuple[ListedModel, MatchKind] | None":
        """The first model of which `name` is a dated form."""
        models = self._models.get(provider, ())
        return next(((model, "dated") for model in models if model.is_like(name)), None)


def _by_name(models: Sequence[ListedModel]) -> "dict[str, tuple[ListedModel, MatchKind]]":
    """Ids before other names, and of several with one name the first."""
    named: dict[str, tuple[ListedModel, MatchKind]] = {}
    for model in models:
        named.setdefault(model.id.lower(), (model, "exact"))
    for model in models:
        for name in model.names():
            named.setdefault(name, (model, "alias"))
    return named


def bare_name(provider: str, name: str) -> str:
    """`name` in lower case, without the path that Google and Amazon have before it."""
    *_, (_, last) = _forms(provider, name)
    return last


def _forms(provider: str, name: str) -> Iterator[tuple[str, str]]:
    """`name` as it is, without its path, and without the prefix of its own provider."""
    lowered = name.strip().lower()
    yield "as it is", lowered
    for _ in range(2):  # a prefix before a path, or behind it
        prefix, slash, rest = lowered.partition("/")
        if slash and prefix in {provider, *PREFIXES.get(provider, ())}:
            lowered = rest
            yield "bare", lowered
        elif path := _PATH.fullmatch(lowered):
            lowered = path[1] or path[2]
            yield "bare", lowered
    dashed = _COMPACT_DATE.sub(r"\1-\2-\3-\4", lowered)
    if dashed != lowered:
        yield "bare", dashed


_FREE: Final = Price(Decimal(0))

_COMPACT_DATE: Final = re.compile(r"(.+)-(20\d\d)(\d\d)(\d\d)")
"""Gateways write dates like this where the provider has dashes in them."""

PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "aws": ("bedrock", "converse", "invoke"),
    "google": ("gemini", "vertex_ai"),
    "x-ai": ("xai",),
    "mistral": ("mistralai",),
    "together": ("together_ai",),
    "fireworks": ("fireworks_ai",),
    "moonshotai": ("moonshot",),
}
"""What gateways call providers, before a model or by itself, besides the id of the list."""


def _clauses(match: Raw) -> Iterator[tuple[str, str]]:
    """The kind and the text of each clause, however deep; a regex has none that is a name."""
    for kind, value in match.items():
        if kind in {"or", "and"}:
            for clause in cast("Iterable[Raw]", value):
                yield from _clauses(clause)
        elif kind != "regex":
            yield kind, str(value).lower()


def _matches(match: Raw, name: str) -> bool:
    ((kind, value),) = match.items()
    if kind in {"or", "and"}:
        each = (_matches(clause, name) for clause in value)
        return any(each) if kind == "or" else all(each)
    return kind in _CLAUSES and _CLAUSES[kind](name, value if kind == "regex" else value.lower())


_CLAUSES: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "equals": str.__eq__,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
    "regex": lambda name, pattern: re.search(pattern, name) is not None,
}


def _statements(raw: object, source: str) -> Iterator[Statement]:
    if isinstance(raw, Mapping):  # one price for all times
        yield Statement(source=source, prices=_prices(cast("Raw", raw)))
        return
    for entry in cast("Sequence[Raw]", raw):
        yield Statement(
            source=source,
            period=_period(entry.get("constraint") or {}),
            prices=_prices(entry["prices"]),
            conditions=_conditions(entry.get("when") or {}),
        )


def _conditions(when: Raw) -> dict[str, str]:
    """Which calls a variant is for. What the list calls a kind of processing is our `batch`."""
    words = {str(key): str(value) for key, value in when.items()}
    if words.pop("processing", "") == "batch":
        words["batch"] = "true"
    return words


def _period(constraint: Raw) -> Period:
    if start := constraint.get("start_date"):
        return Period(start=datetime.combine(date.fromisoformat(start), time(), UTC))
    if constraint:
        start_time, end_time = (
            time.fromisoformat(constraint[key].removesuffix("Z").removesuffix("+00:00"))
            for key in ("start_time", "end_time")
        )
        return Period(hours=(start_time, end_time))
    return Period()


def _prices(raw: Raw) -> dict[str, Price | None]:
    """What we have a unit for; the list knows some that no call of a model reports."""
    return {
        PRICE_KEYS[key][0]: _price(value)
        for key, value in raw.items()
        if value is not None and key in PRICE_KEYS
    }


def _price(value: object) -> Price:
    try:
        if isinstance(value, Mapping):
            stated = cast("Raw", value)
            tiers = [(int(tier["start"]), Decimal(str(tier["price"]))) for tier in stated["tiers"]]
            return Price(Decimal(str(stated["base"])), tuple(sorted(tiers)))
        return Price(Decimal(str(value)))
    except (InvalidOperation, KeyError, TypeError, ValueError) as error:
        msg = f"the price list has a price that is none: {value!r}"
        raise PriceError(msg[:200]) from error


def installed_version() -> str:
    """What the list of the installed genai-prices package calls itself."""
    return f"genai-prices/{version('genai-prices')}"


def installed_list() -> PriceList:
    """The list of the installed genai-prices package."""
    from genai_prices.data import providers  # noqa: PLC0415 - takes half a second

    raw = [
        {
            "id": provider.id,
            "fallback_model_providers": list(provider.fallback_model_providers or ()),
            "models": [_plain(model) for model in provider.models],
        }
        for provider in providers
    ]
    return PriceList(installed_version(), raw)


_KEPT: Final = ("id", "match", "prices", "price_variants", "context_window")


def _plain(model: object) -> Raw:
    stated = {key: value for key in _KEPT if (value := getattr(model, key)) is not None}
    return cast("Raw", _as_json(stated))


def _as_json(value: object) -> object:
    """The package's objects as their JSON has them."""
    if isinstance(value, list):
        return [_as_json(entry) for entry in cast("list[object]", value)]
    if isinstance(value, Mapping):
        return {key: _as_json(entry) for key, entry in cast("Mapping[str, object]", value).items()}
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str | int | bool) or value is None:
        return value
    return {
        name.removesuffix("_"): _as_json(entry)
        for name, entry in vars(value).items()
        if entry is not None
    }
