"""`spanledger price`: what a call costs, or would have cost at some time, with its price lines."""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from spanledger.call import Call
from spanledger.commands.command import Commands, add_command, parse_instant, say
from spanledger.errors import PriceError, SpanledgerError
from spanledger.pricing.cost import CURRENCY, Cost, PriceLine, Unpriced

if TYPE_CHECKING:
    from spanledger.pricing.book import PriceBook

__all__ = ["add_commands", "cost_json"]

_STDIN: Final = "-"
_ESCAPED: Final = re.compile("[\x7f-\uffff]")
_QUANTITIES: Final = {
    "input": "input_tokens",
    "cached": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
}


def add_commands(commands: Commands) -> None:
    """`price MODEL` for people, `price --jsonl FILE` for recorded responses."""
    price = add_command(
        commands, "price", "price a call by its tokens, or recorded responses one by one", _price
    )
    price.add_argument("model", nargs="?", help="the model, as the provider names it")
    price.add_argument("--provider", help="who serves it; by default whoever makes it")
    price.add_argument("--input", type=int, help="input tokens, cached ones included")
    price.add_argument("--cached", type=int, help="of these, tokens read from the cache")
    price.add_argument("--cache-write", type=int, help="of these, tokens written to the cache")
    price.add_argument("--output", type=int, help="output tokens, reasoning included")
    price.add_argument("--reasoning", type=int, help="of these, reasoning tokens")
    price.add_argument("--at", help="time of the call, RFC 3339 or a date, in UTC; now by default")
    price.add_argument("--batch", action="store_true", help="it went through the batch API")
    price.add_argument("--tier", default="", help="service tier, for instance flex or priority")
    price.add_argument("--overlay", type=Path, help="prices of your own, on top of the book")
    price.add_argument(
        "--jsonl",
        metavar="FILE",
        help="price recorded responses: lines of {url, provider, model, api, at, context, payload, "
        "overlay}; - is standard input",
    )
    price.add_argument("--json", action="store_true", help="print JSON for scripts")


def _price(args: argparse.Namespace) -> int:
    from spanledger.pricing.book import PriceBook  # noqa: PLC0415 - takes half a second
    from spanledger.pricing.overlay import load_overlay  # noqa: PLC0415 - as above

    if (args.jsonl is None) == (args.model is None):
        msg = "name either a model, or a file of recorded responses with --jsonl"
        raise SpanledgerError(msg)
    book = PriceBook()
    if args.overlay is not None:
        book = book.with_own(load_overlay(args.overlay))
    if args.jsonl is not None:
        return _price_lines(args.jsonl, book)
    return _price_one(args, book)


def _price_lines(path: str, book: "PriceBook") -> int:
    """Print one line of JSON for each line; tells by 1 that some could not be read."""
    failed = False
    with ExitStack() as stack:
        lines = sys.stdin if path == _STDIN else stack.enter_context(_open(path))
        for number, line in enumerate(_read_lines(lines, path), 1):
            if not line.strip():
                continue
            try:
                answer = cost_json(_price_line(line, book))
            except SpanledgerError as error:
                failed = True
                answer = _unreadable(f"line {number}: {error}")
            say(json.dumps(answer))
    return int(failed)


def _price_line(line: str, book: "PriceBook") -> Cost | Unpriced:
    from spanledger.pricing.engine import price  # noqa: PLC0415 - see _price
    from spanledger.pricing.overlay import read_overlay  # noqa: PLC0415 - see _price
    from spanledger.pricing.recorded import read_recorded  # noqa: PLC0415 - see _price

    try:
        recorded = cast("object", json.loads(line))
    except (ValueError, RecursionError) as error:
        msg = "it is no JSON"
        raise PriceError(msg) from error
    if not isinstance(recorded, dict):
        msg = "it is no JSON object"
        raise PriceError(msg)
    stated = cast("Mapping[str, object]", recorded)
    if overlay := stated.get("overlay"):
        book = book.with_own(read_overlay(_as_yaml(overlay), "overlay"))
    return price(read_recorded(stated), book)


def _as_yaml(overlay: object) -> str:
    """An overlay in a line of JSON as the file that it would be.

    YAML knows JSON, but for how that escapes what lies beyond the first 65,536 characters.
    """
    text = json.dumps({"overrides": overlay}, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _price_one(args: argparse.Namespace, book: "PriceBook") -> int:
    from spanledger.pricing.engine import price  # noqa: PLC0415 - see _price
    from spanledger.usage import Usage  # noqa: PLC0415 - see _price

    said = {unit: getattr(args, option) for option, unit in _QUANTITIES.items()}
    if all(quantity is None for quantity in said.values()):
        msg = "say how many tokens: --input and --output"
        raise SpanledgerError(msg)
    # Who says nothing of one side asks what the other costs alone.
    quantities = {**said, **{unit: said[unit] or 0 for unit in ("input_tokens", "output_tokens")}}
    sellers = [args.provider] if args.provider else book.providers_of(args.model)
    call = Call(
        trace_id="",
        span_id="",
        start_time=parse_instant(args.at),
        duration_us=0,
        provider=sellers[0] if sellers else "",
        operation="chat",
        request_model=args.model,
        request_service_tier=args.tier,
        batch=args.batch,
        usage=Usage(**quantities),
        usage_source="provider",
    )
    cost = price(call, book)
    if args.json:
        say(json.dumps({"provider": call.provider, **cost_json(cost)}))
    else:
        say(_as_text(call, cost, sellers[1:]))
    return 0 if isinstance(cost, Cost) else 1


def cost_json(cost: Cost | Unpriced) -> dict[str, Any]:
    """A cost as a script reads it: amounts are texts, and an unknown one is null."""
    from spanledger.api.money import exact  # noqa: PLC0415 - see _price

    if isinstance(cost, Unpriced):
        return {**_unreadable(cost.reason), "status": cost.status}
    return {
        "amount": exact(cost.amount),
        "currency": CURRENCY,
        "status": cost.status,
        "lines": [_line_json(line) for line in cost.lines],
        "reason": cost.reason,
        "computed_amount": None if cost.computed_amount is None else exact(cost.computed_amount),
        "book_version": cost.book_version,
    }


def _unreadable(reason: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "amount": None,
        "currency": CURRENCY,
        "status": "invalid",
        "lines": [],
    }
    return {**nothing, "reason": reason, "computed_amount": None, "book_version": None}


def _line_json(line: PriceLine) -> dict[str, Any]:
    from spanledger.api.money import exact  # noqa: PLC0415 - see _price

    return {
        "unit": line.unit,
        "quantity": exact(line.quantity),
        "rate": exact(line.rate),
        "per": line.per,
        "amount": exact(line.amount),
        "source": line.source,
        "effective_date": line.effective_date.isoformat() if line.effective_date else None,
    }


def _as_text(call: Call, cost: Cost | Unpriced, others: list[str]) -> str:
    from spanledger.api.money import dollars  # noqa: PLC0415 - see _price

    at = call.start_time.isoformat(timespec="minutes").replace("+00:00", "Z")
    head = f"{call.provider or 'unknown provider'} {call.request_model} at {at}"
    if isinstance(cost, Unpriced):
        return f"{head}\n  {cost.status}: {cost.reason}"
    rows = [
        (
            line.unit,
            f"{line.quantity:,}",
            f"x {dollars(line.rate)} / {line.per:,}",
            dollars(line.amount),
        )
        for line in cost.lines
    ]
    rows.append(("total", "", cost.status, dollars(cost.amount)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    body = [
        f"  {name.ljust(widths[0])}  {quantity.rjust(widths[1])}  {rate.ljust(widths[2])}"
        f"  {amount.rjust(widths[3])}"
        for name, quantity, rate, amount in rows
    ]
    notes = [f"  {cost.reason}"] if cost.reason else []
    sources = sorted({_said(line) for line in cost.lines})
    notes += [f"  from {source}" for source in sources]
    if others:
        notes.append(f"  also sold by {', '.join(others)}: choose with --provider")
    return "\n".join([head, *body, *notes])


def _said(line: PriceLine) -> str:
    since = f", since {line.effective_date}" if line.effective_date else ""
    return f"{line.source}{since}"


def _open(path: str) -> TextIO:
    try:
        return Path(path).open(encoding="utf-8")
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise SpanledgerError(msg) from error


def _read_lines(lines: TextIO, path: str) -> Iterator[str]:
    try:
        yield from lines
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read {path}: it is no text in UTF-8"
        raise SpanledgerError(msg) from error
