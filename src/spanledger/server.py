"""The whole of Spanledger in one process: receiver, pricing, store, API and dashboard."""

import ipaddress
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from spanledger.api.app import create_app
from spanledger.collector.admission import Admission
from spanledger.collector.drain import Drain
from spanledger.collector.grpc_receiver import grpc_serving
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.receiver import create_receiver
from spanledger.collector.spool import Spool
from spanledger.collector.spool_intake import SpooledIntake
from spanledger.errors import SettingsError
from spanledger.pricing.current import CurrentBook
from spanledger.pricing.exchange_rates import NO_RATES, ExchangeRates
from spanledger.serving import base_url, listen, serving
from spanledger.settings import KEYS_FILE, Settings
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.keys import KeyRing
from spanledger.storage.server import open_store

__all__ = ["Served", "serve", "utc_now"]

STORE_CLOSE_S: Final = 1.0
"""What was acknowledged is on disk by then, so this is a courtesy."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where a running server is reached."""

    api_url: str
    otlp_url: str
    new_admin_key: str
    """The admin key that was made because there was none; empty where there is one."""
    otlp_grpc_url: str
    settle: Callable[[float], bool]
    """Waits, at most so many seconds, until what has been acknowledged is stored; whether it is."""


@contextmanager
def serve(settings: Settings) -> Generator[Served]:
    """Run everything until the block ends; what was acknowledged is then stored, or in the spool.

    Raises:
        SettingsError: a port is taken, the address is open to others and no key exists, or the
            file of exchange rates cannot be used.
        PriceError: the adopted price list, or the user's overlay, cannot be used.
        StoreError: the data directory cannot be used, another process owns it, or the ClickHouse
            server is not to be had.
    """
    rates_file = settings.exchange_rates_file
    rates = ExchangeRates.load(Path(rates_file)) if rates_file else NO_RATES
    with ExitStack() as stack:
        api_socket = stack.enter_context(listen(settings.host, settings.port))
        otlp_socket = stack.enter_context(listen(settings.host, settings.otlp_http_port))
        store = open_store(settings.data_dir, settings.clickhouse_url)
        stack.callback(_close, store)
        book = CurrentBook(settings.data_dir, settings.prices_file)
        keys = KeyRing(settings.data_dir / KEYS_FILE, admin_key=settings.admin_key)
        on_loopback = _is_loopback(settings.host)
        new_admin_key = _first_admin_key(settings, keys, on_loopback=on_loopback)
        pipeline = stack.enter_context(Pipeline(store, book, utc_now))
        spool = _open_spool(settings)
        stack.callback(spool.close)
        drain = stack.enter_context(Drain(spool, pipeline, settings.body_bytes_max))
        intake = stack.enter_context(SpooledIntake(spool))
        app = create_app(store=store, keys=keys, clock=utc_now, book=book, rates=rates)
        admission = Admission(
            intake=intake,
            keys=keys,
            open_without_key=on_loopback,
            body_bytes_max=settings.body_bytes_max,
            clock=utc_now,
        )
        receiver = create_receiver(admission)
        stack.enter_context(serving(app, api_socket))
        # Entered last, so that they are the first that stop: nothing is taken any more.
        grpc_url = stack.enter_context(
            grpc_serving(admission, settings.host, settings.otlp_grpc_port)
        )
        stack.enter_context(serving(receiver, otlp_socket))
        urls = (base_url(api_socket), base_url(otlp_socket), new_admin_key, grpc_url)
        yield Served(*urls, drain.settle)


def _close(store: ClickHouseStore) -> None:
    """Close the store, but do not wait for one that does not answer: the process can end."""
    closing = threading.Thread(target=store.close, name="spanledger-close", daemon=True)
    closing.start()
    closing.join(STORE_CLOSE_S)


def _open_spool(settings: Settings) -> Spool:
    return Spool(
        Path(settings.collector_spool_dir or settings.data_dir / "spool"),
        bytes_max=settings.collector_spool_bytes_max,
        free_bytes_min=settings.collector_disk_free_min,
    )


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
