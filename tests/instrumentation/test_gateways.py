"""Apps that speak to a gateway say already whom a call is for."""

import json

import httpx
import pytest

import spanledger
from spanledger.instrumentation.gateways import gateway_facts
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, answering


def test_helicones_headers() -> None:
    """User, session and properties; others of its headers are not read."""
    headers = {
        "helicone-auth": "Bearer secret",
        "helicone-user-id": "ann",
        "helicone-session-id": "s-1",
        "helicone-property-plan": "pro",
        "helicone-session-name": "n",
    }
    assert gateway_facts(headers) == {
        "user.id": "ann",
        "gen_ai.conversation.id": "s-1",
        "spanledger.tag.plan": "pro",
    }


def test_portkeys_metadata() -> None:
    """`_user` is the user, what else is text or number is a tag."""
    metadata = {"_user": "ann", "environment": "prod", "n": 3, "nested": {"a": 1}, "none": None}
    headers = {"x-portkey-metadata": json.dumps(metadata), "x-portkey-api-key": "secret"}

    assert gateway_facts(headers) == {
        "user.id": "ann",
        "spanledger.tag.environment": "prod",
        "spanledger.tag.n": "3",
    }


@pytest.mark.parametrize("metadata", ["", "{", "[]", "1", "[" * 10_000, '"' + "x" * 20_000 + '"'])
def test_metadata_that_is_none(metadata: str) -> None:
    """Broken, nested without end or too long: it says nothing."""
    assert gateway_facts({"x-portkey-metadata": metadata}) == {}


def test_tags_and_texts_are_bounded() -> None:
    """32 properties of at most 1,024 characters."""
    headers = {f"helicone-property-{number}": "x" * 5000 for number in range(100)}
    facts = gateway_facts(headers)

    assert len(facts) == 32
    assert {len(value) for value in facts.values()} == {1024}


def test_the_app_wins_over_the_headers_and_they_win_over_the_body(recording: Recording) -> None:
    """S4.2: what the app attributes stands; a gateway's header names the user else."""
    headers = {"Helicone-User-Id": "from-header", "Helicone-Property-Plan": "pro"}
    body = {**CHAT, "user": "from-body"}
    with recording.on(), answering(httpx) as client:
        url = "http://provider" + CHAT_PATH
        client.post(url, json=body, headers=headers)
        with spanledger.attribute(user_id="from-app"):
            client.post(url, json=body, headers=headers)

    assert [
        (facts["user.id"], facts["spanledger.tag.plan"])
        for facts in (dict(span.attributes or {}) for span in recording.spans)
    ] == [("from-header", "pro"), ("from-app", "pro")]
