"""Attribution between services, by the app's own propagator."""

from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import baggage, context, propagate

import spanledger
from spanledger.instrumentation import travel
from spanledger.instrumentation.attribution import current_attribution
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording


@pytest.fixture
def travelling() -> Iterator[None]:
    """Attribution travels while the test runs."""
    travel.turn(on=True)
    yield
    travel.turn(on=False)


def received(headers: dict[str, str]) -> dict[str, str | bool]:
    """The attribution of a service that was called with `headers`."""
    token = context.attach(propagate.extract(headers))
    try:
        return dict(current_attribution())
    finally:
        context.detach(token)


@pytest.mark.usefixtures("travelling")
def test_a_called_service_attributes_as_its_caller_does() -> None:
    """Through the headers that OpenTelemetry's propagator writes and reads."""
    headers: dict[str, str] = {}
    with spanledger.attribute(
        user_id="ann=ü,;", team="red", conversation_id="c", tags={"the plan": "pro & more"}
    ):
        propagate.inject(headers)

    assert received(headers) == {
        "user.id": "ann=ü,;",
        "spanledger.team": "red",
        "gen_ai.conversation.id": "c",
        "spanledger.tag.the plan": "pro & more",
    }


def test_nothing_travels_unless_asked_for() -> None:
    """No header grows, and what a stranger sends names no user."""
    headers: dict[str, str] = {}
    with spanledger.attribute(user_id="ann"):
        propagate.inject(headers)

    assert "baggage" not in headers
    assert received({"baggage": "spanledger.user_id=mallory"}) == {}


@pytest.mark.usefixtures("travelling")
def test_what_the_service_says_itself_wins() -> None:
    """The caller's word is beneath that of the attributions here."""
    token = context.attach(propagate.extract({"baggage": "spanledger.user_id=a,spanledger.team=b"}))
    with spanledger.attribute(user_id="here"):
        values = current_attribution()
    context.detach(token)

    assert values == {"user.id": "here", "spanledger.team": "b"}


@pytest.mark.usefixtures("travelling")
def test_only_our_own_texts_are_read() -> None:
    """Other entries may hold secrets, and a caller does not decide that a call is free."""
    entries = "token=secret,spanledger.skip_charge=true,spanledger.other=x,user.id=y"
    assert received({"baggage": entries}) == {}
    with spanledger.attribute(skip_charge=True, team="red"):
        assert dict(baggage.get_all()) == {"spanledger.team": "red"}


@pytest.mark.usefixtures("travelling")
def test_what_travels_is_bounded() -> None:
    """4,096 characters each way, whole entries only, nested attributions counted together."""
    tags = {f"t{number}": "x" * 1000 for number in range(20)}
    with spanledger.attribute(user_id="u" * 1000), spanledger.attribute(tags=tags):
        sent = baggage.get_all()
    foreign = baggage.set_baggage("other", "kept")
    for name, value in {"user_id": "v" * 9000, "team": "w" * 9000}.items():
        foreign = baggage.set_baggage(f"spanledger.{name}", value, foreign)
    token = context.attach(foreign)
    read = current_attribution()
    context.detach(token)

    assert len(sent) == 4
    assert sum(len(name) + len(str(value)) for name, value in sent.items()) <= 4096
    assert read == {}


@pytest.mark.usefixtures("travelling")
def test_a_provider_gets_no_baggage_of_ours() -> None:
    """The context of a model call keeps the app's entries and loses ours."""
    outside = baggage.set_baggage("theirs", "1")
    token = context.attach(outside)
    with spanledger.attribute(user_id="ann"):
        inside = context.get_current()
        cleaned = travel.unpacked(inside)
    context.detach(token)

    assert set(baggage.get_all(inside)) == {"theirs", "spanledger.user_id"}
    assert set(baggage.get_all(cleaned)) == {"theirs"}
    travel.turn(on=False)
    assert travel.unpacked(inside) is inside


def test_the_setting_turns_it_on_and_the_stop_off(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a model call is under way its context has none of it; around it, it has."""
    monkeypatch.setenv("SPANLEDGER_BAGGAGE", "true")
    seen: list[dict[str, object]] = []

    def respond(_: object) -> httpx.Response:
        seen.append(dict(baggage.get_all()))
        return httpx.Response(200, json={})

    with (
        recording.on(),
        httpx.Client(transport=httpx.MockTransport(respond)) as client,
        spanledger.attribute(user_id="ann"),
    ):
        client.post("http://provider" + CHAT_PATH, json=CHAT)
        client.post("http://provider/another/service")
    with spanledger.attribute(user_id="ann"):
        seen.append(dict(baggage.get_all()))

    assert seen == [{}, {"spanledger.user_id": "ann"}, {}]
    assert recording.facts["user.id"] == "ann"
