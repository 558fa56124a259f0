"""The examples of docs/api.md: real answers, over three calls that are always the same."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
from fastapi import FastAPI

from spanledger.api.app import create_app
from spanledger.call import Call
from spanledger.pricing.book import PriceBook
from spanledger.pricing.engine import price
from spanledger.pricing.exchange_rates import ExchangeRate, ExchangeRates
from spanledger.storage.history import Difference, Repricing
from spanledger.storage.keys import KeyRing
from spanledger.storage.memory import MemoryStore
from spanledger.storage.row import CostRow
from spanledger.usage import Usage

__all__ = ["BODIES", "CURRENCY_EXAMPLE", "EXAMPLES", "ask", "create_example_app"]

HOST: Final = "http://127.0.0.1:8400"
KEY: Final = "the key of the examples"
NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)

CLAUDE_CALL: Final = Call(
    trace_id="5cccc9f9604447b73e227469aa742917",
    span_id="6acd7875a47f6058",
    start_time=NOON,
    duration_us=1_403_112,
    time_to_first_chunk_us=402_465,
    provider="anthropic",
    operation="chat",
    request_model="claude-sonnet-4-6",
    response_model="claude-sonnet-4-6",
    response_id="msg_0199235d9359404de1b7c458",
    stream=True,
    attempt=1,
    service="help-desk",
    user_id="cora",
    team="research",
    conversation_id="c-17",
    message_id="m-3",
    usage=Usage(input_tokens=1613, cache_read_tokens=1600, cache_write_tokens=0, output_tokens=54),
    usage_source="provider",
    usage_raw='{"input_tokens":13,"cache_creation_input_tokens":0,"cache_read_input_tokens":1600,'
    '"output_tokens":54}',
)
GPT_CALL: Final = Call(
    trace_id="5cccc9f9604447b73e227469aa742917",
    span_id="9d1f0c33ab20e411",
    start_time=NOON + timedelta(seconds=2),
    duration_us=815_004,
    provider="openai",
    operation="chat",
    request_model="gpt-4o",
    response_model="gpt-4o-2024-08-06",
    service="help-desk",
    user_id="cora",
    team="research",
    conversation_id="c-17",
    message_id="m-3",
    usage=Usage(input_tokens=1200, cache_read_tokens=0, output_tokens=350, reasoning_tokens=0),
    usage_source="provider",
)
IN_HOUSE_CALL: Final = Call(
    trace_id="0a52c1d7be6f4c5f8a9d3e2f1b0c7d68",
    span_id="77aa41c2d93be0f5",
    start_time=NOON + timedelta(seconds=5),
    duration_us=120_871,
    provider="openai",
    operation="chat",
    request_model="acme-internal-1",
    service="help-desk",
    user_id="ana",
    team="support",
    conversation_id="c-18",
    message_id="m-1",
    usage=Usage(input_tokens=11, output_tokens=43),
    usage_source="provider",
)

RATES: Final = ExchangeRates(
    [
        ExchangeRate(
            currency="cny",
            per_usd=Decimal("7.12"),
            valid_from=date(2026, 11, 1),
            source="the books of this company, November 2026",
        )
    ]
)

REPRICING: Final = Repricing(
    project=GPT_CALL.project,
    id="rp_5d0c2b7a9e81f364",
    number=1,
    made_at=NOON + timedelta(hours=1),
    made_by="finance",
    start=NOON.replace(hour=0),
    end=NOON.replace(hour=0) + timedelta(days=1),
    models=("gpt-4o-2024-08-06",),
    book_version="genai-prices/0.2.3+3f9c2a1b",
    state="applied",
    state_at=NOON + timedelta(hours=1, seconds=2),
    state_by="finance",
    revision=1,
    replaced_versions=("genai-prices/0.2.2+90d1c7e4",),
    differences=(
        Difference(
            provider="openai",
            model="gpt-4o-2024-08-06",
            calls=1,
            changed_calls=1,
            amount_before=Decimal("0.0061"),
            amount_after=Decimal("0.0065"),
            newly_priced_calls=0,
            newly_unpriced_calls=0,
        ),
    ),
)

EXAMPLES: Final = {
    "/health": f"{HOST}/health",
    "/v1/costs": f"{HOST}/v1/costs?start_time=2026-11-20&end_time=2026-11-21&group_by=user",
    "/v1/calls": f"{HOST}/v1/calls?user_ids=cora&limit=1",
    "/v1/calls/{call_id}": f"{HOST}/v1/calls/{CLAUDE_CALL.call_id}",
    "/v1/messages/{message_id}/cost": f"{HOST}/v1/messages/m-3/cost",
    "/v1/estimate": f"{HOST}/v1/estimate",
    "/v1/prices": f"{HOST}/v1/prices?provider=openai&model=gpt-4o",
    "/v1/prices/unpriced": f"{HOST}/v1/prices/unpriced",
    "/v1/reprice": f"{HOST}/v1/reprice",
    "/v1/reprice/verify": f"{HOST}/v1/reprice/verify?start_time=2026-11-20",
    "/v1/reprice/{repricing_id}/undo": f"{HOST}/v1/reprice/{REPRICING.id}/undo",
    "/v1/periods": f"{HOST}/v1/periods",
}
"""What the docs ask each route."""

BODIES: Final[Mapping[str, Mapping[str, object]]] = {
    "/v1/estimate": {
        "model": "claude-sonnet-4-6",
        "system": "You are terse.",
        "messages": [{"role": "user", "content": "今天的费用是多少?"}],
        "max_tokens": 300,
    },
    "/v1/reprice": {"start_time": "2026-11-20", "end_time": "2026-11-21"},
    "/v1/periods": {"month": "2026-10"},
}
"""What the docs send with a POST."""

CURRENCY_EXAMPLE: Final = f"{HOST}/v1/costs?start_time=2026-11-20&end_time=2026-11-21&currency=cny"


def create_example_app() -> FastAPI:
    """The API over the three calls, priced by the price book."""
    store, book = MemoryStore(), PriceBook()
    calls = (CLAUDE_CALL, GPT_CALL, IN_HOUSE_CALL)
    recorded_at = NOON + timedelta(seconds=6)
    store.write([CostRow(call, price(call, book), recorded_at) for call in calls])
    store.keep_book(book.version, book.dump(), recorded_at)
    store.keep_repricing(REPRICING)
    with TemporaryDirectory() as empty:
        keys = KeyRing(Path(empty) / "keys.json", admin_key=KEY)
    return create_app(
        store=store, keys=keys, clock=lambda: recorded_at, book=lambda: book, rates=RATES
    )


def ask(
    app: FastAPI, url: str, method: str = "GET", body: Mapping[str, object] | None = None
) -> str:
    """The body of the answer to a request of `url`; a body is sent as JSON."""

    async def exchange() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            headers = {"Authorization": f"Bearer {KEY}"}
            return await client.request(method, url, headers=headers, json=body)

    return asyncio.run(exchange()).raise_for_status().text
