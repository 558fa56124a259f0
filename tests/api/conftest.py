"""A server over a memory store with a known clock, and a client that speaks HTTP to it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from spanledger.api.app import create_app
from spanledger.call import Call
from spanledger.errors import StoreError
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import Cost, PriceLine, Unpriced
from spanledger.pricing.exchange_rates import ExchangeRate, ExchangeRates
from spanledger.storage.keys import KeyRing, Role
from spanledger.storage.memory import MemoryStore
from spanledger.storage.protocol import CallPosition
from spanledger.storage.query import CostQuery, CostTable, Selection
from spanledger.storage.row import CostRow
from spanledger.usage import Usage

MakeRow = Callable[..., CostRow]

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)

BOOK = PriceBook()


def rate(currency: str, per_usd: str, valid_from: date) -> ExchangeRate:
    """A rate of the test's own."""
    return ExchangeRate(
        currency=currency, per_usd=Decimal(per_usd), valid_from=valid_from, source="a test"
    )


RATES = ExchangeRates(
    [rate("cny", "7.1", date(2026, 11, 10)), rate("cny", "7.2", date(2026, 11, 20))]
)


class SwitchableStore(MemoryStore):
    """A memory store that can be told to fail, as a store does whose disk is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None

    def costs(self, query: CostQuery) -> CostTable:
        """Sum, or fail."""
        self._fail()
        return super().costs(query)

    def calls(
        self, where: Selection, *, limit: int, after: CallPosition | None = None
    ) -> Sequence[CostRow]:
        """List, or fail."""
        self._fail()
        return super().calls(where, limit=limit, after=after)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class Server:
    """The application under test with its parts, and the secrets of a key of each role."""

    app: FastAPI
    store: SwitchableStore
    keys: KeyRing
    secrets: Mapping[Role, str]
    now: list[datetime]
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    def get(self, path: str, *, role: Role | None = "viewer", **options: Any) -> httpx.Response:
        """GET `path` with the key of `role`, and with the cookies that were set before."""
        return self.send("GET", path, role=role, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """POST to `path` without a key."""
        return self.send("POST", path, role=None, **options)

    def send(
        self, method: str, path: str, *, role: Role | None = None, **options: Any
    ) -> httpx.Response:
        """Send one request through the whole application."""
        headers = {**options.pop("headers", {})}
        if role is not None:
            headers.setdefault("Authorization", f"Bearer {self.secrets[role]}")
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={text}" for name, text in self.cookies.items())

        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as client:
                return await client.request(method, path, headers=headers, **options)

        answer = asyncio.run(exchange())
        self.cookies |= dict(answer.cookies)
        return answer

    def sign_in(self, role: Role = "viewer") -> httpx.Response:
        """Fill in the sign-in form with the key of `role`."""
        return self.post("/login", data={"key": self.secrets[role]})


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A server without calls."""
    keys = KeyRing(tmp_path / "keys.json", admin_key="the-admin-key")
    secrets: dict[Role, str] = {
        "ingest": keys.create("app", "ingest")[1],
        "viewer": keys.create("people", "viewer")[1],
        "admin": "the-admin-key",
    }
    store, now = SwitchableStore(), [NOW]
    app = create_app(store=store, keys=keys, clock=lambda: now[0], book=lambda: BOOK, rates=RATES)
    return Server(app, store, keys, secrets, now)


@pytest.fixture
def store_failure() -> Exception:
    """What a store raises when it cannot answer."""
    return StoreError("disk /secret/path is gone")


@pytest.fixture
def make_row() -> MakeRow:
    """Builds a row: `number` makes its identity, `amount` its cost, the rest is of the call."""

    def build(
        number: int,
        amount: str | None = "0.001",
        status: Any = None,
        usage: Usage | None = None,
        **said: Any,
    ) -> CostRow:
        call = Call(
            trace_id=f"{number:032x}",
            span_id=f"{number:016x}",
            start_time=NOW,
            duration_us=1_500_000,
            provider="openai",
            operation="chat",
            request_model="gpt-4o",
            usage=usage or Usage(input_tokens=100, cache_read_tokens=30, output_tokens=10),
            usage_source="provider",
        )
        call = replace(call, **said)
        if amount is None:
            return CostRow(call, Unpriced("no price is known", status or "unpriced"), NOW)
        line = PriceLine(
            unit="input_tokens",
            quantity=Decimal(100),
            rate=Decimal(amount) * 10_000,
            per=1_000_000,
            amount=Decimal(amount),
            source="list:test/openai/gpt-4o",
            effective_date=date(2026, 1, 1),
        )
        cost = Cost(
            status=status or "priced", amount=Decimal(amount), lines=(line,), book_version="test-1"
        )
        return CostRow(call, cost, NOW)

    return build
