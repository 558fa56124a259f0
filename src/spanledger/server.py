"""The whole of Spanledger in one process: receiver, pricing, embedded store, API and dashboard."""

import ipaddress
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from spanledger.api.app import create_app
from spanledger.collector.admission import Admission
from spanledger.collector.delivery import DirectIntake
from spanledger.collector.grpc_receiver import grpc_serving
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.receiver import create_receiver
from spanledger.errors import SettingsError
from spanledger.pricing.current import CurrentBook
from spanledger.pricing.exchange_rates import NO_RATES, ExchangeRates
from spanledger.serving import base_url, listen, serving
from spanledger.settings import KEYS_FILE, Settings
from spanledger.storage.clickhouse import open_embedded
from spanledger.storage.keys import KeyRing

__all__ = ["Served", "serve", "utc_now"]


@dataclass(frozen=True, slots=True)
class Served:
    """Where a running server is reached."""

    api_url: str
    otlp_url: str
    new_admin_key: str
    """The admin key that was made because there was none; empty where there is one."""
    otlp_grpc_url: str


@contextmanager
def serve(settings: Settings) -> Generator[Served]:
    """Run everything until the block ends; what was acknowledged is then stored.

    Raises:
        SettingsError: a port is taken, the address is open to others and no key exists, or the
            file of exchange rates cannot be used.
        PriceError: the adopted price list, or the user's overlay, cannot be used.
        StoreError: the data directory cannot be used, or another process owns it.
    """
    rates_file = settings.exchange_rates_file
    rates = ExchangeRates.load(Path(rates_file)) if rates_file else NO_RATES
    with ExitStack() as stack:
        api_socket = stack.enter_context(listen(settings.host, settings.port))
        otlp_socket = stack.enter_context(listen(settings.host, settings.otlp_http_port))
        store = open_embedded(settings.data_dir)
        stack.callback(store.close)
        book = CurrentBook(settings.data_dir, settings.prices_file)
        keys = KeyRing(settings.data_dir / KEYS_FILE, admin_key=settings.admin_key)
        on_loopback = _is_loopback(settings.host)
        new_admin_key = _first_admin_key(settings, keys, on_loopback=on_loopback)
        pipeline = stack.enter_context(Pipeline(store, book, utc_now))
        intake = DirectIntake(pipeline, settings.body_bytes_max)
        admission = Admission(
            intake=intake,
            keys=keys,
            open_without_key=on_loopback,
            body_bytes_max=settings.body_bytes_max,
            clock=utc_now,
        )
        grpc_url = stack.enter_context(
            grpc_serving(admission, settings.host, settings.otlp_grpc_port)
        )
        receiver = create_receiver(
            intake=intake,
            keys=keys,
            open_without_key=on_loopback,
            body_bytes_max=settings.body_bytes_max,
            clock=utc_now,
        )
        served = Served(base_url(api_socket), base_url(otlp_socket), new_admin_key, grpc_url)
        stack.enter_context(serving(receiver, otlp_socket))
        app = create_app(store=store, keys=keys, clock=utc_now, book=book, rates=rates)
        stack.enter_context(serving(app, api_socket))
        yield served


def utc_now() -> datetime:
    """The clock of the server."""
    return datetime.now(UTC)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _first_admin_key(settings: Settings, keys: KeyRing, *, on_loopback: bool) -> str:
    """Make the first admin key where nobody else can listen; elsewhere it must be there."""
    live = any(key.role == "admin" and key.revoked_at is None for key in keys.keys())  # noqa: SIM118 - a key ring is no mapping
    if settings.admin_key or live:
        return ""
    if not on_loopback:
        msg = (
            f"{settings.host} can be reached by others and there is no admin key: set "
            "SPANLEDGER_ADMIN_KEY, or make one with 'spanledger keys create --role admin'"
        )
        raise SettingsError(msg)
    return keys.create("first admin", "admin")[1]
