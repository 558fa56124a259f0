"""The table of transports names modules that there are, and what serves them."""

import importlib
import sys
from types import ModuleType
from typing import Any

import httpx
import pytest

from spanledger.instrumentation.transports.table import TRANSPORTS, patch_transport
from tests.instrumentation.calls import Recording
from tests.instrumentation.programs import run
from tests.instrumentation.transports.ways import members


@pytest.mark.parametrize("name", TRANSPORTS)
def test_every_library_can_be_patched(recording: Recording, name: str) -> None:
    """Each line serves the library of today, and a second time leaves it as it is."""
    module = importlib.import_module(name)
    assert module.__name__ == name
    with recording.on():
        first: list[Any] = list(patch_transport(module, owner_recorder()))
        again = list(patch_transport(module, owner_recorder()))
        assert first == again
        assert all(patched.recorder is not None for patched in first)


def owner_recorder() -> Any:
    """The recorder of the recording that is on."""
    patched: Any = members(httpx.Client)["_spanledger_patch"]
    return patched.recorder


class HalfKnown(ModuleType):
    """An HTTP library of which one class is as ever, and the other one is not."""

    class Client:
        """As ever."""

        def _send_single_request(self) -> str:
            return "theirs"

    class AsyncClient:
        """Of another time."""

    SyncByteStream = AsyncByteStream = object


def test_a_library_that_is_hooked_by_half_is_given_back(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been patched before something fails is taken out like all the rest."""
    library = HalfKnown("httpx")
    own = members(HalfKnown.Client)["_send_single_request"]
    monkeypatch.setitem(sys.modules, "httpx", library)
    with recording.on():
        assert members(HalfKnown.Client)["_send_single_request"] is not own

    assert members(HalfKnown.Client)["_send_single_request"] is own


LATER = """
import sys
import spanledger
from opentelemetry.sdk.trace import TracerProvider
spanledger.instrument(tracer_provider=TracerProvider())
assert not {"aiohttp", "httpx", "httpx2", "requests", "botocore"} & set(sys.modules) - {EXPORTER}
import aiohttp, boto3, botocore.httpsession, httpx, httpx2, requests
owners = (
    aiohttp.ClientSession, requests.Session, requests.adapters.HTTPAdapter,
    botocore.httpsession.URLLib3Session, httpx.Client, httpx2.AsyncClient,
)
print(["_spanledger_patch" in vars(owner) for owner in owners])
spanledger.uninstrument()
print(["_spanledger_patch" in vars(owner) for owner in owners])
"""


def test_an_app_may_import_its_library_later() -> None:
    """Each is hooked when it comes, and given back."""
    # The stock exporter brings requests along.
    printed = run(LATER.replace("EXPORTER", '"requests"'))
    assert printed.splitlines() == [str([True] * 6), str([False] * 6)]


FORKED = """
import os, sys
import requests
import spanledger
from opentelemetry.sdk.trace import TracerProvider
spanledger.instrument(tracer_provider=TracerProvider(shutdown_on_exit=False))
before = requests.Session.get_adapter
child = os.fork()
if child == 0:
    spanledger.instrument()
    same = requests.Session.get_adapter is before
    spanledger.uninstrument()
    os._exit(0 if same and "_spanledger_patch" not in vars(requests.Session) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("_spanledger_patch" in vars(requests.Session))
"""


def test_a_fork_changes_nothing() -> None:
    """The child has the hooks of the parent, once, and may take out its own."""
    assert run(FORKED).splitlines() == ["0", "True"]
