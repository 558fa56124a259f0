"""What a call would cost, before it is made: its tokens are counted, and priced like any call's."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

from spanledger.call import Call
from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import text
from spanledger.errors import InvalidQuery
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import Cost, Unpriced
from spanledger.pricing.engine import price
from spanledger.pricing.request import Planned, read_planned
from spanledger.pricing.token_weights import find_family, weigh
from spanledger.tokenizer import (
    NEAREST,
    NEAREST_MODEL,
    count_tokens,
    has_vocabulary_of,
    vocabulary_of,
)
from spanledger.usage import Usage

__all__ = ["Counted", "Estimate", "Method", "estimate"]

Method = Literal["exact", "nearest vocabulary", "heuristic"]
"""How texts were counted: with the model's own vocabulary; with OpenAI's newest in its place; or
with that, weighed by what texts are to the model's own tokenizer."""

FRAME_ERROR_PERCENT: Final = 5
"""What stands around the texts of a request is counted by a rule, not by a vocabulary."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The tokens of a request, and how they were counted."""

    tokens: int
    method: Method
    vocabulary: str
    """What was counted with, by tiktoken's name for it."""
    family: str
    """Whose tokenizer the weights of a heuristic stand for; empty for other methods."""
    error_percent: int | None
    """How far `tokens` may be off, as measured (docs/estimates.md); `None`: nobody knows."""
    partial: bool
    """There is more than text in the request, which is not counted: the estimate is too low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The tokens of a call that has not been made, and what they cost."""

    provider: str
    """Whose price it is; empty where none was named, and no maker of the model is known."""
    model: str
    input: Counted
    output_tokens_low: int
    output_tokens_high: int | None
    """`None`: nothing says how much may be written."""
    low: Cost | Unpriced
    """The cost of the input with `output_tokens_low`."""
    high: Cost | Unpriced | None
    """The same with `output_tokens_high`; `None` where that is."""

    @property
    def input_tokens(self) -> int:
        """What the model is to read."""
        return self.input.tokens

    @property
    def cost_low(self) -> Decimal | None:
        """The least amount, in US dollars; `None` where no price is known."""
        return self.low.amount if isinstance(self.low, Cost) else None

    @property
    def cost_high(self) -> Decimal | None:
        """The greatest amount, in US dollars; `None` where no price, or no limit, is known."""
        return self.high.amount if isinstance(self.high, Cost) else None

    @property
    def status(self) -> str:
        """`estimated`, or `partial` where not all was seen or priced; `unpriced` without amount."""
        return self.low.status

    @property
    def reason(self) -> str:
        """What there is to know about the amounts, in words."""
        endless = "" if self.high else "nothing limits the output: there is no highest cost"
        return "; ".join(filter(None, (self.low.reason, endless)))


def estimate(
    request: Json | str,
    book: PriceBook,
    *,
    model: str = "",
    provider: str = "",
    expected_output_tokens: int | None = None,
    at: datetime | None = None,
) -> Estimate:
    """Say what `request` would cost by the prices in force at `at`, which is now by default.

    `request` is a text, or the body of a request to any provider: `messages` (with `system` and
    `tools`, as OpenAI, Anthropic and Bedrock have them), `input` (with `instructions`), `contents`,
    `prompt`, or just `text`. `model` and `provider` may stand in it. The output is
    `expected_output_tokens`; without them it is anything from nothing to what the body allows
    (`max_output_tokens`, or its provider's own word for it), for each answer that it wants.

    Nothing is sent anywhere. The first use of a vocabulary takes a moment (docs/performance.md).

    Raises:
        InvalidQuery: no model is named, there is nothing to read or more than one thing, or a
            number makes no sense.
        InvalidUsage: the request is more than a hundred million tokens.
    """
    body: Json = {"text": request} if isinstance(request, str) else request
    wanted = model or text(body, "model")
    if not wanted:
        msg = "model is missing: name the model that is to answer"
        raise InvalidQuery(msg)
    planned = read_planned(body, wanted)
    low, high = planned.output(expected_output_tokens)
    counted = _count(wanted, planned)
    start = at or datetime.now(UTC)
    seller, name = provider or text(body, "provider"), wanted
    if not seller:
        # What stands before a slash is the spelling of a gateway, whose price it would be.
        name = wanted.rpartition("/")[2]
        seller = book.maker_of(name, start)
    call = _call(seller, name, start, planned)
    return Estimate(
        provider=seller,
        model=wanted,
        input=counted,
        output_tokens_low=low,
        output_tokens_high=high,
        low=_cost(call, book, counted.tokens, low),
        high=None if high is None else _cost(call, book, counted.tokens, high),
    )


def _count(model: str, planned: Planned) -> Counted:
    texts: list[str] = []

    def collect(more: Iterable[str]) -> int:
        texts.extend(more)
        return 0

    frame, partial = planned.count(collect), planned.partial
    family = find_family(model)
    if family:
        weighed = weigh(family, texts)
        tokens = weighed.tokens + frame + (family.tools_tokens if planned.has_tools else 0)
        error = None if partial else weighed.error_percent
        return Counted(tokens, "heuristic", NEAREST, family.name, error, partial)
    if has_vocabulary_of(model):
        tokens = count_tokens(model, texts) + frame
        error = None if partial else 0 if planned.is_text else FRAME_ERROR_PERCENT
        return Counted(tokens, "exact", vocabulary_of(model), "", error, partial)
    tokens = count_tokens(NEAREST_MODEL, texts) + frame
    return Counted(tokens, "nearest vocabulary", NEAREST, "", None, partial)


def _call(provider: str, model: str, at: datetime, planned: Planned) -> Call:
    return replace(
        _NO_CALL,
        provider=provider,
        operation=planned.dialect.operation,
        request_model=model,
        start_time=at,
        request_service_tier=planned.service_tier,
        usage_partial=planned.partial,
    )


def _cost(call: Call, book: PriceBook, input_tokens: int, output_tokens: int) -> Cost | Unpriced:
    if not call.provider:
        return Unpriced(f"no maker's price is known for {call.model!r}: name the provider")
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    return price(replace(call, usage=usage), book)


_NO_CALL: Final = Call(
    trace_id="0" * 32,
    span_id="0" * 16,
    start_time=datetime(1970, 1, 1, tzinfo=UTC),
    duration_us=0,
    provider="",
    operation="chat",
    usage_source="estimated",
)
"""What all calls that have not been made have in common."""
