"""Cost tables for the terminal, asked of the cost API like anybody else would."""

import json
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from spanledger.storage.query import DIMENSIONS

__all__ = ["cost_table", "fetch_costs"]

TIMEOUT_S: Final = 10


def fetch_costs(api_url: str, key: str, group_by: str) -> list[dict[str, Any]]:
    """The results of `GET /v1/costs` over all time, dearest first."""
    query = urlencode({"bucket_width": "total", "group_by": group_by})
    request = Request(  # noqa: S310 - the address of our own server
        f"{api_url}/v1/costs?{query}", headers={"Authorization": f"Bearer {key}"}
    )
    with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
        page = cast("dict[str, Any]", json.load(answer))
    return page["data"][0]["results"]


def cost_table(results: Sequence[dict[str, Any]], group_by: str) -> str:
    """Results of one grouping as aligned text; calls without a price are counted beside sums."""
    rows = [_row(result, str(result[DIMENSIONS[group_by]] or "(none)")) for result in results]
    header = (group_by, "calls", "unpriced", "input", "output", "cost (USD)")
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [_line(header, widths), _line(["-" * width for width in widths], widths)]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def _row(result: dict[str, Any], name: str) -> tuple[str, ...]:
    amount = result["amount"]["value"]
    unpriced = result["quality"]["unpriced_calls"] + result["quality"]["invalid_calls"]
    counts = (result["calls"], unpriced, result["input_tokens"], result["output_tokens"])
    return (name, *(f"{count:,}" for count in counts), "unknown" if amount is None else amount)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    numbers = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
    return "  ".join([first.ljust(widths[0]), *numbers]).rstrip()
