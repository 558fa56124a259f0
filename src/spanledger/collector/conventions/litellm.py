"""LiteLLM's callback for OpenTelemetry: the usage object stands on the span as Python spells it."""

from typing import Final

from spanledger.collector.conventions.genai import STANDARD
from spanledger.collector.conventions.record import as_object
from spanledger.collector.conventions.table import Convention, Found
from spanledger.dialects.dialect import Json
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

__all__ = ["LITELLM"]

_SPELLINGS: Final = (("'", '"'), ("None", "null"), ("True", "true"), ("False", "false"))


def evidence(provider: str, found: Found) -> tuple[Usage, Json] | None:
    """The usage that LiteLLM has put together, in the form of OpenAI's."""
    spelled = found.get("usage_object")
    if not isinstance(spelled, str):
        return None
    for python, other in _SPELLINGS:
        spelled = spelled.replace(python, other)
    raw = as_object(spelled)
    if not raw or "prompt_tokens" not in raw:
        return None
    return read_usage(provider, raw), raw


LITELLM: Final = Convention(
    title="LiteLLM",
    names={
        **STANDARD,
        "deployment": ("litellm.provider.model",),
        "usage_object": ("metadata.usage_object",),
        "replay": (*STANDARD["replay"], "litellm.cache_hit"),
        "user_id": (
            *STANDARD["user_id"],
            "metadata.user_api_key_end_user_id",
            "metadata.user_api_key_user_id",
        ),
        "team": (*STANDARD["team"], "metadata.user_api_key_team_alias"),
    },
    evidence=evidence,
)
"""Its costs are from a list of prices, so they are none that a provider stated."""
