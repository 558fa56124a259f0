"""What once gave a wrong amount, or none: recorded answers, as `price --jsonl` prices them."""

import json
from pathlib import Path
from typing import Any

import pytest

from spanledger.cli import main

Line = dict[str, Any]
Answer = dict[str, Any]

AT = "2025-11-01T12:00:00Z"
OPENAI = "https://api.openai.com/v1/chat/completions"
GOOGLE = "https://generativelanguage.googleapis.com/v1beta/models"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1"
PROFILE = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2F"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
TOKENS: Line = {"usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}
OF_GOOGLE: Line = {"usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 1000}}
OF_AMAZON: Line = {"usage": {"inputTokens": 1000, "outputTokens": 1000}}


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Ask the command what a line costs."""

    def asked(**line: object) -> Answer:
        file = tmp_path / "lines.jsonl"
        file.write_text(json.dumps({"at": AT, **line}), encoding="utf-8")
        main(["price", "--jsonl", str(file)])
        answer: Answer = json.loads(capsys.readouterr().out)
        return answer

    return asked


def chat(model: str, **usage: object) -> Line:
    """A chat completion of a thousand tokens each way, but for some counts."""
    counts: Line = {"prompt_tokens": 1000, "completion_tokens": 1000, **usage}
    return {"object": "chat.completion", "model": model, "choices": [], "usage": counts}


@pytest.mark.parametrize(
    ("url", "payload", "amount"),
    [
        (f"{GOOGLE}/gemini-2.5-pro:generateContent", OF_GOOGLE, "0.01125"),
        (
            f"{VERTEX}/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
            [OF_GOOGLE],
            "0.01125",
        ),
        (f"{BEDROCK}/amazon.nova-pro-v1%3A0/converse", OF_AMAZON, "0.004"),
        (
            f"{BEDROCK}/{PROFILE}us.amazon.nova-pro-v1%3A0/converse",
            OF_AMAZON,
            "0.004",
        ),
        (
            "https://x.openai.azure.com/openai/deployments/gpt-4o/chat/completions",
            TOKENS,
            "0.0125",
        ),
    ],
)
def test_the_url_names_the_model_where_nothing_else_does(
    ask: Any, url: str, payload: object, amount: str
) -> None:
    """Google, Amazon and Azure have it in the path, and their answers need not repeat it."""
    assert ask(url=url, payload=payload)["amount"] == amount
    assert ask(url=url, payload=payload, model="no-such")["amount"] is None


@pytest.mark.parametrize("name", ["n", "duration", "duration_seconds", "seconds"])
def test_a_word_of_media_says_nothing_of_a_text(ask: Any, name: str) -> None:
    """`n` is how many answers were wanted, and `duration` how long the call took."""
    answer = ask(url=OPENAI, context={name: 2}, payload=chat("gpt-4o"))
    assert (answer["amount"], answer["status"]) == ("0.0125", "priced")


def test_images_cost_by_the_size_that_was_asked_for(ask: Any) -> None:
    """OpenAI's price page: an image of DALL-E 3 in 1792x1024 is $0.08, in HD $0.12."""
    url = "https://api.openai.com/v1/images/generations"
    line: Line = {"url": url, "model": "dall-e-3", "payload": {"data": [{"url": "x"}]}}
    sized: Line = {"size": "1792x1024", "quality": "standard"}
    assert ask(**line, context=sized)["amount"] == "0.08"
    assert ask(**line, context={**sized, "quality": "hd"})["amount"] == "0.12"
    assert ask(**line, context={**sized, "n": 3})["amount"] == "0.08"
    assert ask(**{**line, "payload": {"data": []}}, context={**sized, "n": 3})["amount"] == "0.24"


@pytest.mark.parametrize(
    ("url", "payload"),
    [
        (
            OPENAI,
            {"model": "gpt-5.9", "tool_usage": {"web_search": {"num_requests": 9}}, **TOKENS},
        ),
        (
            f"{GOOGLE}/x:generateContent",
            {
                "modelVersion": "gemini-2.5-pro-max",
                "usageMetadata": {"promptTokenCount": 1000, "cachedContentTokenCount": 900},
            },
        ),
    ],
)
def test_the_price_of_a_part_makes_no_model_known(ask: Any, url: str, payload: Line) -> None:
    """Fees and cache rates are stated for whole families of names, some of them of tomorrow."""
    answer = ask(url=url, at="2025-08-01T12:00:00Z", payload=payload)
    assert (answer["amount"], answer["status"]) == (None, "unpriced")
    assert answer["reason"].startswith("no price is known for ")


@pytest.mark.parametrize(
    ("url", "payload", "amount"),
    [
        (OPENAI, chat("gpt-4o", prompt_tokens=None), "0.01"),
        (
            "https://api.anthropic.com/v1/messages",
            {"model": "claude-sonnet-4-5", "usage": {"output_tokens": 1000}},
            "0.015",
        ),
    ],
)
def test_an_output_without_its_input_is_not_the_whole_cost(
    ask: Any, url: str, payload: Line, amount: str
) -> None:
    """Absent is not zero: what is too little must not look like all of it."""
    answer = ask(url=url, payload=payload)
    assert (answer["amount"], answer["status"]) == (amount, "partial")
    assert "input" in answer["reason"]


def test_an_overlay_may_have_any_character(ask: Any) -> None:
    """JSON escapes what lies beyond the basic plane in a way that YAML refuses."""
    override: Line = {"match": {"model": "gpt-4o"}, "multiplier": "0.5", "note": "ask 😀 é \x7f"}
    line: Line = {"url": OPENAI, "payload": chat("gpt-4o")}
    assert ask(**line, overlay=[override])["amount"] == "0.00625"
    refused = ask(**line, overlay=[{**override, "note": "\ud800"}])
    assert refused["status"] == "invalid"
    assert "no YAML" in refused["reason"]


def test_an_overlay_can_ask_for_calls_outside_of_batches(ask: Any) -> None:
    """`batch: false` is for what is no batch, not for nothing at all."""
    override: Line = {"match": {"model": "gpt-4o", "batch": False}, "multiplier": "0.8"}
    line: Line = {"url": OPENAI, "payload": chat("gpt-4o"), "overlay": [override]}
    assert ask(**line)["amount"] == "0.01"
    assert ask(**line, context={"batch": True})["amount"] == "0.00625"


def test_a_request_that_failed_in_a_batch_costs_nothing(ask: Any) -> None:
    """OpenAI's results state the status of HTTP beside the body."""
    body: Line = {"error": {"code": "rate_limit_exceeded", "message": "later"}}
    payload: Line = {"custom_id": "c", "response": {"status_code": 429, "body": body}}
    answer = ask(url=OPENAI, model="gpt-4o", context={"batch": True}, payload=payload)
    assert (answer["amount"], answer["status"]) == ("0", "priced")


@pytest.mark.parametrize("said", [["--input", "1000"], ["--output", "1000"]])
def test_one_side_of_a_call_may_be_asked_for(
    capsys: pytest.CaptureFixture[str], said: list[str]
) -> None:
    """Whoever names one side only asks what that costs."""
    assert main(["price", "gpt-4o", *said, "--json", "--at", "2025-11-01"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "priced"


@pytest.mark.parametrize(
    ("provider", "model", "amount"),
    [
        ("OpenAI", "gpt-4o", "0.0125"),
        ("Anthropic", "claude-sonnet-4-5", "0.018"),
        ("AWS", "amazon.nova-pro-v1:0", "0.004"),
        ("bedrock", "bedrock/amazon.nova-pro-v1:0", "0.004"),
        ("xai", "xai/grok-4", "0.018"),
        ("vertex_ai", "vertex_ai/gemini-2.5-pro", "0.01125"),
        ("gemini", "gemini/gemini-2.5-pro", "0.01125"),
        ("mistralai", "mistral-large-latest", "0.008"),
    ],
)
def test_a_provider_is_known_by_its_usual_names(
    ask: Any, provider: str, model: str, amount: str
) -> None:
    """In any case, and as LiteLLM calls it; the host says nothing of it here."""
    url = "http://litellm:4000/v1/chat/completions"
    answer = ask(url=url, provider=provider, model=model, payload=chat(model))
    assert (answer["amount"], answer["status"]) == (amount, "priced")


def test_what_xai_states_counts_by_any_of_its_names(ask: Any) -> None:
    """S4.5: the provider's word comes first, however the provider is called."""
    payload = chat("grok-4", cost_in_usd_ticks=232_856_000)
    answer = ask(provider="xai", api="chat", payload=payload)
    assert (answer["amount"], answer["status"]) == ("0.0232856", "reported")


def test_times_may_be_written_in_lower_case(ask: Any) -> None:
    """RFC 3339 allows it."""
    assert ask(url=OPENAI, at="2025-03-01t12:00:00z", payload=chat("gpt-4o"))["amount"] == "0.0125"


def test_a_result_of_a_batch_at_amazon_is_read(ask: Any) -> None:
    """The lines of Bedrock's batches have the answer in `modelOutput`."""
    model = "anthropic.claude-sonnet-4-20250514-v1:0"
    counts = {"input_tokens": 1000, "output_tokens": 1000}
    payload: Line = {"recordId": "1", "modelInput": {}, "modelOutput": {"usage": counts}}
    line: Line = {"provider": "aws", "api": "invoke", "model": model, "payload": payload}
    answer = ask(**line, context={"batch": True})
    assert (answer["amount"], answer["status"]) == ("0.009", "priced")
