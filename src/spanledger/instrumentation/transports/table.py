"""The table of transports: a new HTTP library is a module of its own, and a line here."""

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Final

from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.patch import Patch
from spanledger.instrumentation.transports import aiohttp, botocore, httpx, requests

__all__ = ["TRANSPORTS", "patch_transport"]

TRANSPORTS: Final[Mapping[str, Callable[[ModuleType, Recorder], Iterable[Patch]]]] = {
    "httpx": httpx.patch,
    "httpx2": httpx.patch,
    "aiohttp": aiohttp.patch,
    "requests": requests.patch,
    "botocore.httpsession": botocore.patch,
}
"""Name of the module that has the classes, and what puts our shells on them."""


def patch_transport(module: ModuleType, recorder: Recorder) -> Iterable[Patch]:
    """Put our shells on the classes of `module`, by whichever of its names it came.

    One comes after the other, as they are taken: those before one that fails are known.
    """
    return TRANSPORTS[module.__name__](module, recorder)
