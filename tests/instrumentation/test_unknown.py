"""What may be a model call and is not read is counted and named, without what may be secret."""

import logging
import uuid
from typing import Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from spanledger.instrumentation.unknown import note_unknown, path_shape, unknown_exchanges
from spanledger.instrumentation.wire import PlainUrl
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, memory


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/something-new", "/v1/something-new"),
        ("/v1beta/models/veo-3.0:predictLongRunning", "/v1beta/models/{id}:predictLongRunning"),
        ("/v1p1beta1/cachedContents", "/v1p1beta1/cachedContents"),
        ("/model/anthropic.claude-3-haiku-20240307-v1:0/async", "/model/{id}:{id}/async"),
        ("/openai/deployments/gpt-4o/new", "/openai/deployments/{id}/new"),
        ("/v1/sk-proj-AbC123/chat", "/v1/{id}/chat"),
        ("/bot1234567:AAE-secret/send", "/{id}:{id}/send"),
        ("/a@b.example/chat", "/{id}/chat"),
        ("/qWeRtYuIoPaSdFgH/chat", "/{id}/chat"),
        ("/abcdefghijklmnopqrstuvwxyz/chat", "/{id}/chat"),
        ("/käse/chat", "/{id}/chat"),
        ("/v1/a/b", "/v1/{id}/{id}"),
        ("//v1//x/", "//v1//{id}/"),
        ("", ""),
        ("/" + "/".join(["word"] * 40), "/" + "/".join(["word"] * 11) + "/..."),
    ],
)
def test_shapes(path: str, shape: str) -> None:
    """Words are kept, and everything is replaced that may be an id, a model, a name or a secret."""
    assert path_shape(path) == shape


def test_shapes_are_bounded() -> None:
    """Whatever the path, its shape is short."""
    for path in ("/" + "x" * 10_000, "/x" * 10_000, "/" + "word" * 5000, ":" * 10_000):
        assert len(path_shape(path)) < 600


def host() -> str:
    """One that no other test has used."""
    return f"{uuid.uuid4().hex}.openai.azure.com"


def test_an_unknown_exchange_is_counted_and_said_once(
    recording: Recording, library: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """S4.1: the app's requests go on; each kind is one warning and a number."""
    name = host()
    with recording.on(), library.Client(transport=memory(library)) as client:
        for number in range(3):
            client.post(f"https://{name.upper()}/openai/new-thing/{number}?key=canary", json={})
            client.get(f"https://{name}/openai/new-thing/{number}")
            client.post(f"https://{name}/openai/files", json={})
            client.post(f"https://{uuid.uuid4().hex}.example/orders", json={})
    kind = f"POST {name}/openai/new-thing/{{id}}"
    assert recording.spans == ()
    assert {one: count for one, count in unknown_exchanges().items() if name in one} == {kind: 3}
    (record,) = [record for record in caplog.records if name in record.getMessage()]
    assert record.levelno == logging.WARNING
    assert kind in record.getMessage()
    assert "canary" not in caplog.text


def test_calls_that_are_read_are_not_unknown(recording: Recording, library: Any) -> None:
    """Neither are those at paths that others share, without a model."""
    before = unknown_exchanges()
    with recording.on(), library.Client(transport=memory(library)) as client:
        client.post(f"https://{host()}{CHAT_PATH}", json=CHAT)
        client.post("http://own.example/api/chat", json={})
    assert unknown_exchanges() == before


def test_nothing_is_counted_under_suppression() -> None:
    """Who asks instrumentations to look away is not looked at."""
    name = host()
    with suppress_instrumentation():
        note_unknown(PlainUrl(f"https://{name}/new"), {})
    assert not any(name in kind for kind in unknown_exchanges())


def test_hosts_of_the_users_own() -> None:
    """What `endpoints` names is a model host."""
    name = f"{uuid.uuid4().hex}.corp.example"
    note_unknown(PlainUrl(f"http://{name}:8000/new"), {f"{name}:8000": "vllm"})
    note_unknown(PlainUrl(f"http://{name}:9000/new"), {f"{name}:8000": "vllm"})
    assert unknown_exchanges()[f"POST {name}/new"] == 1
