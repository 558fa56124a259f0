"""Who may deliver, and where to."""

import base64

import pytest

from spanledger.collector.admission import Admission
from spanledger.collector.body import Refused
from spanledger.collector.pipeline import Pipeline
from spanledger.server import utc_now
from spanledger.storage.keys import KeyRing
from spanledger.storage.memory import MemoryStore
from tests.collector.conftest import BOOK
from tests.intake import DirectIntake


def project(keys: KeyRing, authorization: str, *, open_without_key: bool = False) -> str:
    """The project that `authorization` delivers to."""
    with Pipeline(MemoryStore(), lambda: BOOK, utc_now) as pipeline:
        admission = Admission(
            intake=DirectIntake(pipeline, 1),
            keys=keys,
            open_without_key=open_without_key,
            body_bytes_max=1,
            clock=utc_now,
        )
        return admission.project(authorization)


def basic(user: str, password: str) -> str:
    """As Langfuse's clients send their pair of keys."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_key_comes_as_bearer_or_as_the_password(keys: KeyRing) -> None:
    """The public key may be anything."""
    _, secret = keys.create("shop", "ingest", "acme")

    assert project(keys, f"Bearer {secret}") == "acme"
    assert project(keys, f"bearer   {secret} ") == "acme"
    assert project(keys, basic("pk-lf-1234", secret)) == "acme"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic",
        "Basic x",
        "Basic /w==",
        basic("", ""),
        basic("a", "b"),
        "x",
    ],
)
@pytest.mark.parametrize("open_without_key", [True, False])
def test_anything_else_is_refused(
    keys: KeyRing, authorization: str, *, open_without_key: bool
) -> None:
    """A key that is shown must be good even where none is needed."""
    if open_without_key and not authorization:
        assert project(keys, authorization, open_without_key=True) == "default"
        return
    with pytest.raises(Refused) as refused:
        project(keys, authorization, open_without_key=open_without_key)
    assert refused.value.status == 401
