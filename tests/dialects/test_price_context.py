"""What besides the model, the time and the tier selects a price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.call import PriceContext
from spanledger.dialects.dialect import Json
from spanledger.dialects.ours import CONTEXT
from spanledger.dialects.price_context import VALUE_MAX, price_context

STUDIO = "generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("vpce-0a1.bedrock-runtime.eu-west-2.vpce.amazonaws.com", "eu-west-2"),
        ("bedrock-mantle.us-west-2.api.aws", "us-west-2"),
        ("eu.api.openai.com", "eu"),
        ("US.API.OPENAI.COM", "us"),
        ("us-east-1.api.x.ai", "us-east-1"),
        ("api.eu.mistral.ai", "eu"),
        ("us.api.fireworks.ai", "us"),
        ("phi-serverless.swedencentral.models.ai.azure.com", "swedencentral"),
        ("eastus.api.cognitive.microsoft.com", "eastus"),
        ("dashscope-intl.aliyuncs.com", "intl"),
        ("dashscope.aliyuncs.com", "cn"),
        ("api.moonshot.cn", "cn"),
        ("api.minimaxi.com", "cn"),
    ],
)
def test_hosts_that_name_a_region(host: str, region: str) -> None:
    """S4.3: prices differ by region, and the address says which it is."""
    assert price_context("", {}, host=host) == (("region", region),)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "api.openai.com",
        "api.anthropic.com",
        "api.x.ai",
        "api.mistral.ai",
        "api.deepseek.com",
        "api.moonshot.ai",
        "acme-eus.openai.azure.com",
        "10.0.0.5",
        "bedrock-runtime.example.com",
        "s3.us-east-1.amazonaws.com",
        "evil-aiplatform.googleapis.com.example.com",
    ],
)
def test_hosts_that_name_none(host: str) -> None:
    """Most hosts select nothing, and so say nothing."""
    assert price_context("", {}, host=host) == ()


@pytest.mark.parametrize(
    ("host", "context"),
    [
        (STUDIO, (("host", STUDIO),)),
        (
            "aiplatform.googleapis.com",
            (("host", "aiplatform.googleapis.com"), ("region", "global")),
        ),
        (
            "us-east5-aiplatform.googleapis.com",
            (("host", "us-east5-aiplatform.googleapis.com"), ("region", "us-east5")),
        ),
        (
            "aiplatform.eu.rep.googleapis.com",
            (("host", "aiplatform.eu.rep.googleapis.com"), ("region", "eu")),
        ),
    ],
)
def test_google_has_two_of_each(host: str, context: PriceContext) -> None:
    """AI Studio and Vertex AI sell the same models at prices of their own."""
    assert price_context("gcp.gemini", {}, host=host) == context


def test_an_arn_names_its_region() -> None:
    """Where the host does not say it, the name of a profile may."""
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"
    gov = arn.replace("arn:aws:bedrock:eu-west-1", "arn:aws-us-gov:bedrock:us-gov-west-1")
    runtime = "bedrock-runtime.eu-west-3.amazonaws.com"

    assert price_context("aws.bedrock", {}, model=arn) == (("region", "eu-west-1"),)
    assert price_context("aws.bedrock", {}, model=gov) == (("region", "us-gov-west-1"),)
    assert price_context("aws.bedrock", {}, model=arn, host=runtime) == (("region", "eu-west-3"),)
    assert price_context("aws.bedrock", {}, model="amazon.nova-lite-v1:0") == ()


@pytest.mark.parametrize(
    ("provider", "raw", "context"),
    [
        (
            "anthropic",
            {"speed": "fast", "inference_geo": "us"},
            {"inference_geo": "us", "speed": "fast"},
        ),
        ("anthropic", {"speed": "standard", "inference_geo": "not_available"}, {}),
        ("anthropic", {"speed": None, "inference_geo": "Global"}, {"inference_geo": "global"}),
        ("perplexity", {"search_context_size": "low"}, {"search_context_size": "low"}),
        ("perplexity", {"search_type": "fast"}, {"search_type": "fast"}),
        (
            "openai",
            {"images": 1, "size": "1024x1792", "quality": "HD"},
            {"image_size": "1024x1792", "image_quality": "hd"},
        ),
        ("openai", {CONTEXT: {"image_size": "1024x1024"}}, {"image_size": "1024x1024"}),
        (
            "openai",
            {CONTEXT: {"tool": "web_search_preview", "search_context_size": "medium"}},
            {"tool": "web_search_preview", "search_context_size": "medium"},
        ),
        ("aws.bedrock", {CONTEXT: {"latency": "optimized"}}, {"latency": "optimized"}),
        ("aws.bedrock", {CONTEXT: {"latency": "standard"}}, {}),
        ("mistral_ai", {CONTEXT: {"annotated": "true", "model": "x"}}, {"annotated": "true"}),
        ("gcp.gemini", {"thoughtsTokenCount": 5}, {"thinking": "true"}),
        ("gcp.gemini", {"thoughtsTokenCount": 0}, {}),
        ("gcp.gemini", {"thoughtsTokenCount": "5"}, {}),
        ("dashscope", {"completion_tokens_details": {"reasoning_tokens": 9}}, {"thinking": "true"}),
        ("openai", {"completion_tokens_details": {"reasoning_tokens": 9}}, {}),
        ("openai", {CONTEXT: 5, "speed": 7, "size": ["1x1"]}, {}),
        ("openai", {"size": "x" * (VALUE_MAX + 1)}, {}),
        ("deepseek", {"prompt_tokens": 5}, {}),
    ],
)
def test_what_the_usage_says(provider: str, raw: Json, context: dict[str, str]) -> None:
    """S4.3: what was answered selects; what is so anyway, or unknown, says nothing."""
    assert price_context(provider, raw) == tuple(sorted(context.items()))


def test_the_answer_comes_before_the_question() -> None:
    """Who asked for a fast lane, and did not get it, does not pay for it."""
    asked = {"speed": "fast", "latency": "optimized", "data_zone": "US", "region": "x"}
    answered = {"speed": "standard", CONTEXT: {"latency": "standard"}}
    host = "eu.api.openai.com"

    assert price_context("a", answered, host=host, asked=asked) == (
        ("data_zone", "us"),
        ("region", "x"),
    )
    assert price_context("a", {}, asked={"speed": "fast"}) == (("speed", "fast"),)
    assert price_context("a", {"speed": None}, asked={"speed": "fast"}) == (("speed", "fast"),)


NAMES = ["speed", "size", "inference_geo", "thoughtsTokenCount", CONTEXT, "latency", "tool"]
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=80)),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(raw=st.dictionaries(st.sampled_from(NAMES), ANYTHING), host=st.text(max_size=60))
def test_any_usage(raw: Json, host: str) -> None:
    """It can always be a key: sorted pairs of short texts, each name once."""
    context = price_context("gcp.gemini", raw, host=host, model=host)
    assert list(context) == sorted(dict(context).items())
    assert all(0 < len(value) <= VALUE_MAX for _, value in context)
