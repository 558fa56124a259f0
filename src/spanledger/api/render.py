"""Pages from templates: everything that is filled in is escaped."""

from datetime import datetime
from decimal import Decimal
from typing import Final, cast
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from spanledger import __version__
from spanledger.api.money import dollars, exact, readable, share

__all__ = ["render"]

NOT_KNOWN: Final = "\N{EN DASH}"
"""What stands where there is no figure."""


def render(template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """The page that `template` makes of `values`."""
    return HTMLResponse(_PAGES.get_template(template).render(values, version=__version__), status)


def _exact_title(amount: Decimal | None) -> str:
    return "no price is known" if amount is None else f"{exact(amount)} USD"


def _compact(count: int) -> str:
    """A count in at most four digits and a letter: `999`, `12.3K`, `4.56M`."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        # From where three digits round up to the next letter.
        if count >= size - size // 2000:
            return f"{exact(Decimal(f'{Decimal(count) / size:.3g}'))}{letter}"
    return str(count)


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _or_dash(count: int | None) -> str:
    return NOT_KNOWN if count is None else str(count)


def _percent_of(part: int, whole: int) -> str:
    return f"{exact(share(Decimal(part), Decimal(whole)))}%"


def _pages() -> Environment:
    pages = Environment(
        loader=PackageLoader("spanledger.api"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    filters = cast("dict[str, object]", pages.filters)
    filters |= {
        "usd": readable,
        "usd_exact": _exact_title,
        "usd_full": dollars,
        "exact": exact,
        "compact": _compact,
        "clock": _clock,
        "or_dash": _or_dash,
        "percent_of": _percent_of,
    }
    return pages


_PAGES: Final = _pages()
