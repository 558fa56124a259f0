"""The server: every route in one table, each with who may use it."""

from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from spanledger import __version__
from spanledger.api.access import (
    ADMIN,
    ANYONE,
    SIGNED_IN,
    VIEWER,
    Asked,
    Endpoint,
    House,
    add_endpoint,
)
from spanledger.api.calls import CALLS_PARAMETERS, call, calls
from spanledger.api.costs import COSTS_PARAMETERS, costs
from spanledger.api.errors import add_error_handlers
from spanledger.api.estimates import ESTIMATE_BYTES_MAX, estimates
from spanledger.api.headers import SecurityHeaders
from spanledger.api.messages import MESSAGE_PARAMETERS, message_cost
from spanledger.api.pages import CALL_PAGE_PARAMETERS, DASHBOARD_PARAMETERS, call_page, dashboard
from spanledger.api.parameters import RANGE
from spanledger.api.periods import PERIOD_PARAMETERS, change_period, periods
from spanledger.api.prices import PRICES_PARAMETERS, prices
from spanledger.api.repricing import (
    REPRICE_PARAMETERS,
    reprice_calls,
    repricings,
    resume_repricing,
    undo_repricing,
    verify,
)
from spanledger.api.sessions import Sessions
from spanledger.api.sign_in import sign_in, sign_in_page, sign_out
from spanledger.api.unpriced import UNPRICED_PARAMETERS, unpriced
from spanledger.pricing.book import PriceBook
from spanledger.pricing.exchange_rates import NO_RATES, ExchangeRates
from spanledger.storage.keys import KeyRing
from spanledger.storage.protocol import Store

__all__ = ["ENDPOINTS", "create_app"]


def health(_: Asked) -> Response:
    """Say that the server is ready, and which version it is."""
    return JSONResponse({"status": "ok", "version": __version__})


def stylesheet(_: Asked) -> Response:
    """The one stylesheet of all pages."""
    css = files("spanledger.api").joinpath("static/spanledger.css").read_bytes()
    return Response(css, media_type="text/css")


def openapi(asked: Asked) -> Response:
    """This API, described for machines."""
    return JSONResponse(asked.request.app.openapi())


ENDPOINTS: Final = (
    Endpoint("GET", "/health", ANYONE, health),
    Endpoint("GET", "/openapi.json", VIEWER, openapi),
    Endpoint("GET", "/v1/costs", VIEWER, costs, COSTS_PARAMETERS),
    Endpoint("GET", "/v1/calls", VIEWER, calls, CALLS_PARAMETERS),
    Endpoint("GET", "/v1/calls/{call_id}", VIEWER, call),
    Endpoint(
        "GET", "/v1/messages/{message_id:path}/cost", VIEWER, message_cost, MESSAGE_PARAMETERS
    ),
    Endpoint(
        "POST",
        "/v1/estimate",
        VIEWER,
        estimates,
        body_bytes_max=ESTIMATE_BYTES_MAX,
    ),
    Endpoint("GET", "/v1/prices", VIEWER, prices, PRICES_PARAMETERS),
    Endpoint("GET", "/v1/prices/unpriced", VIEWER, unpriced, UNPRICED_PARAMETERS),
    Endpoint("GET", "/v1/reprice", ADMIN, repricings),
    Endpoint("POST", "/v1/reprice", ADMIN, reprice_calls, REPRICE_PARAMETERS),
    Endpoint("GET", "/v1/reprice/verify", ADMIN, verify, RANGE),
    Endpoint("POST", "/v1/reprice/{repricing_id}/undo", ADMIN, undo_repricing),
    Endpoint("POST", "/v1/reprice/{repricing_id}/resume", ADMIN, resume_repricing),
    Endpoint("GET", "/v1/periods", VIEWER, periods),
    Endpoint("POST", "/v1/periods", ADMIN, change_period, PERIOD_PARAMETERS),
    Endpoint("GET", "/", SIGNED_IN, dashboard, DASHBOARD_PARAMETERS),
    Endpoint("GET", "/calls/{call_id}", SIGNED_IN, call_page, CALL_PAGE_PARAMETERS),
    Endpoint("GET", "/login", ANYONE, sign_in_page),
    Endpoint("POST", "/login", ANYONE, sign_in),
    Endpoint("POST", "/logout", ANYONE, sign_out),
    Endpoint("GET", "/static/spanledger.css", ANYONE, stylesheet),
)
"""Every route of the server. There is no other way to add one."""


def create_app(
    *,
    store: Store,
    keys: KeyRing,
    clock: Callable[[], datetime],
    book: Callable[[], PriceBook],
    rates: ExchangeRates = NO_RATES,
) -> FastAPI:
    """The cost API and the dashboard over `store`, for the holders of `keys`.

    Args:
        store: where the answers are.
        keys: who may ask.
        clock: the time in UTC.
        book: gives the price book in force.
        rates: by which amounts are converted to other currencies.
    """
    app = FastAPI(
        title="Spanledger", version=__version__, openapi_url=None, docs_url=None, redoc_url=None
    )
    app.add_middleware(SecurityHeaders)
    add_error_handlers(app)
    house = House(store, keys, Sessions(keys, clock), clock, book, rates)
    for endpoint in ENDPOINTS:
        add_endpoint(app, endpoint, house)
    return app
