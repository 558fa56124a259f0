"""`spanledger prices`: what is in the price book, what a newer list would change, and exports."""

import argparse
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spanledger.commands.command import (
    EPILOG,
    Commands,
    add_command,
    add_json,
    parse_instant,
    say,
    settings_of,
)
from spanledger.commands.unpriced import add_unpriced
from spanledger.errors import PriceError
from spanledger.settings import Settings

if TYPE_CHECKING:
    from spanledger.pricing.book import PriceBook
    from spanledger.pricing.changes import Change
    from spanledger.pricing.listing import PriceList
    from spanledger.pricing.rates import Rates

__all__ = ["add_commands", "book_of"]

_SHOWN: Final = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok")
_LIBRECHAT: Final = {
    "input_mtok": "prompt",
    "output_mtok": "completion",
    "cache_write_mtok": "cacheWrite",
    "cache_read_mtok": "cacheRead",
}
"""Names in `endpoints.custom[].tokenConfig` of LibreChat: dollars for a million tokens."""


def add_commands(commands: Commands) -> None:
    """`prices list`, `show`, `diff`, `update`, `export`, `check` and `unpriced`."""
    prices = commands.add_parser("prices", help="look at prices and keep them up", epilog=EPILOG)
    actions = prices.add_subparsers(required=True, metavar="action")
    listing = add_command(actions, "list", "list models with what they cost now", _list)
    show = add_command(actions, "show", "show all rates of a model, and how they changed", _show)
    show.add_argument("model", help="the model, as the provider names it")
    show.add_argument("--batch", action="store_true", help="of its batch API")
    show.add_argument("--tier", default="", help="of a service tier, for instance flex")
    export = add_command(actions, "export", "write prices for another program", _export)
    export.add_argument(
        "--format", choices=("librechat", "json"), default="librechat", help="for whom"
    )
    for action in (listing, show, export):
        action.add_argument("--provider", help="only of this one")
        action.add_argument("--at", help="at this time, RFC 3339 or a date; now by default")
    for action in (listing, export):
        action.add_argument("--model", default="*", help="only models of this name; * is any text")
    diff = add_command(actions, "diff", "show what another price list would change", _diff)
    update = add_command(
        actions, "update", "show what another price list changes, and adopt it", _update
    )
    for action in (diff, update):
        action.add_argument(
            "--from",
            dest="source",
            type=Path,
            metavar="FILE",
            help="genai-prices' data.json; by default the installed package's list",
        )
    update.add_argument("--apply", action="store_true", help="adopt it: new calls cost by it")
    check = add_command(actions, "check", "check an overlay without using it", _check)
    check.add_argument("file", type=Path, help="the overlay, for instance prices.yaml")
    for action in (listing, show, diff, update):
        add_json(action)
    export.add_argument("--data-dir", type=Path, help="where data is kept")
    add_unpriced(actions)


def book_of(settings: Settings) -> "PriceBook":
    """The book that a server with these settings uses, without changing anything."""
    from spanledger.pricing.book import PriceBook  # noqa: PLC0415 - takes half a second
    from spanledger.pricing.current import adopted_list  # noqa: PLC0415 - as above
    from spanledger.pricing.overlay import load_overlay  # noqa: PLC0415 - as above

    own = load_overlay(settings.prices_file) if settings.prices_file.exists() else None
    return PriceBook(adopted_list(settings.data_dir), own=own)


def _list(args: argparse.Namespace) -> None:
    book = book_of(settings_of(args))
    rows = list(_models(args, book))
    if args.json:
        for provider, model, prices, source in rows:
            stated = {key: str(price) for key, price in prices.items()}
            say(json.dumps({"provider": provider, "model": model, **stated, "source": source}))
        return
    cells = [(p, m, *(_cell(prices.get(key)) for key in _SHOWN)) for p, m, prices, _ in rows]
    say(
        _table(("provider", "model", "input", "cache read", "cache write", "output"), cells, left=2)
    )
    say(f"US dollars for a million tokens, {len(rows)} models, book {book.version}")


def _models(
    args: argparse.Namespace, book: "PriceBook"
) -> Iterator[tuple[str, str, Mapping[str, Decimal], str]]:
    """(provider, model, prices now, source) of what is asked for and has a price."""
    from spanledger.pricing.changes import plain_prices  # noqa: PLC0415 - see book_of

    at = parse_instant(args.at)
    for provider, model in book.prices.models():
        wanted = args.provider in {None, provider} and fnmatchcase(model.id.lower(), args.model)
        if wanted and (prices := plain_prices(book, provider, model.id, at)):
            rates = book.rates(provider, model.id, at)
            yield provider, model.id, prices, rates.source if rates else ""


def _show(args: argparse.Namespace) -> None:
    book = book_of(settings_of(args))
    sellers = [args.provider] if args.provider else book.providers_of(args.model)
    at = parse_instant(args.at)
    asked: dict[str, Any] = {"tier": args.tier, "batch": args.batch}
    rates = book.rates(sellers[0], args.model, at, **asked) if sellers else None
    if rates is None:
        msg = f"no price is known for {args.model!r} at that time"
        raise PriceError(msg)
    epochs = book.epochs(sellers[0], args.model, **asked)
    if args.json:
        history = [
            {"from": since.isoformat() if since else None, "rates": one and _rates_json(one)}
            for since, one in epochs
        ]
        answer = {"provider": sellers[0], "model": args.model, "rates": _rates_json(rates)}
        say(json.dumps({**answer, "history": history, "book_version": book.version}))
        return
    say(f"{sellers[0]} {args.model} at {at:%Y-%m-%d %H:%M} UTC")
    say(_rates_text(rates))
    if rates.missing:
        say(f"no rates are known for {rates.missing}: list price shown")
    if len(epochs) > 1:
        say("\nthrough time:")
        for since, one in epochs:
            say(f"  {f'from {since:%Y-%m-%d %H:%M}' if since else 'at first':22}{_brief(one)}")


def _rates_json(rates: "Rates") -> list[dict[str, Any]]:
    from spanledger.api.prices import rate_json  # noqa: PLC0415 - takes half a second

    return [rate_json(rate) for rate in rates.shown]


def _rates_text(rates: "Rates") -> str:
    from spanledger.pricing.units import PER  # noqa: PLC0415 - see book_of

    rows = [
        (
            rate.unit,
            _cell(rate.price.base),
            f"per {PER[rate.unit]:,}",
            "".join(f"  {price} beyond {start:,} input" for start, price in rate.price.tiers),
            rate.source,
        )
        for rate in rates.shown
    ]
    return _table(("unit", "USD", "", "", "source"), rows, left=1, also_left={2, 3, 4})


def _brief(rates: "Rates | None") -> str:
    if rates is None:
        return "no price is known"
    return "  ".join(f"{rate.unit} {rate.price.base}" for rate in rates.shown)


def _diff(args: argparse.Namespace) -> int:
    return _tell_changes(args, apply=False)


def _update(args: argparse.Namespace) -> int:
    return _tell_changes(args, apply=args.apply)


def _tell_changes(args: argparse.Namespace, *, apply: bool) -> int:
    from spanledger.pricing.changes import changes  # noqa: PLC0415 - see book_of
    from spanledger.pricing.current import adopt_list, adopted_list  # noqa: PLC0415 - see book_of
    from spanledger.pricing.listing import installed_list  # noqa: PLC0415 - see book_of

    data_dir = settings_of(args).data_dir
    old = adopted_list(data_dir) or installed_list()
    new = _candidate(args.source)
    found = list(changes(old, new, datetime.now(UTC)))
    if args.json:
        answer = {"from": old.version, "to": new.version, "applied": apply}
        say(json.dumps({**answer, "changes": [_change_json(one) for one in found]}))
    else:
        for one in found:
            say(_change_text(one))
        say(f"{len(found)} models differ between {old.version} and {new.version}.")
    if apply:
        adopt_list(data_dir, new)
    if not args.json:
        say(_next_step(apply=apply, differ=bool(found)))
    return 0


def _candidate(source: Path | None) -> "PriceList":
    from spanledger.pricing.current import read_list  # noqa: PLC0415 - see book_of
    from spanledger.pricing.listing import installed_list  # noqa: PLC0415 - see book_of

    return installed_list() if source is None else read_list(source)


def _next_step(*, apply: bool, differ: bool) -> str:
    if apply:
        return (
            "It is adopted: calls that arrive from now on cost by it. Past calls keep their cost."
        )
    if differ:
        return "Nothing was changed. Adopt it with: spanledger prices update --apply"
    return "There is nothing to adopt."


def _change_json(one: "Change") -> dict[str, Any]:
    return {
        "provider": one.provider,
        "model": one.model,
        "change": one.kind,
        "before": {key: str(price) for key, price in one.before.items()},
        "after": {key: str(price) for key, price in one.after.items()},
    }


def _change_text(one: "Change") -> str:
    head = f"{one.kind:8} {one.provider}/{one.model}"
    if one.kind == "added":
        return f"{head}  {_priced(one.after)}"
    if one.kind == "removed":
        return f"{head}  {_priced(one.before)}"
    differ = {
        key: f"{_cell(one.before.get(key))} -> {_cell(one.after.get(key))}"
        for key in (*one.before, *(key for key in one.after if key not in one.before))
        if one.before.get(key) != one.after.get(key)
    }
    return f"{head}  {_priced(differ) or 'other times, tiers or names; costs the same now'}"


def _priced(prices: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {price}" for key, price in prices.items())


def _export(args: argparse.Namespace) -> None:
    book = book_of(settings_of(args))
    windows = {
        (provider, model.id): model.context_window for provider, model in book.prices.models()
    }
    rows = list(_models(args, book))
    if args.format == "json":
        models = [
            {
                "provider": p,
                "model": m,
                "prices": {key: str(price) for key, price in prices.items()},
            }
            for p, m, prices, _ in rows
        ]
        say(json.dumps({"book_version": book.version, "models": models}, indent=2))
        return
    say("# For endpoints.custom[] of librechat.yaml: US dollars for a million tokens.")
    say(f"# Made by spanledger prices export, book {book.version}.")
    say("tokenConfig:")
    for provider, model, prices, _ in rows:
        if not {"input_mtok", "output_mtok"} <= prices.keys():
            continue
        say(f"  {json.dumps(model)}:")
        for key, name in _LIBRECHAT.items():
            if key in prices:
                say(f"    {name}: {prices[key]:f}")
        # LibreChat wants one; where the list has none this is what it assumes itself.
        say(f"    context: {windows[provider, model] or _CONTEXT}")


_CONTEXT: Final = 128_000


def _check(args: argparse.Namespace) -> None:
    from spanledger.pricing.overlay import load_overlay  # noqa: PLC0415 - see book_of

    say(f"{args.file}: {len(load_overlay(args.file))} overrides, nothing to complain about")


def _cell(price: Decimal | None) -> str:
    return "-" if price is None else f"{price:f}"


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: int,
    also_left: Collection[int] = (),
) -> str:
    """Aligned text; the first `left` columns to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if column < left or column in also_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "\n".join(map(line, (head, *rows)))
