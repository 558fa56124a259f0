"""The span attribute names that we write and read: the one table of them.

Standard names are those of the OpenTelemetry GenAI semantic conventions as of November 2026
(repository open-telemetry/semantic-conventions-genai, where nothing is stable yet); names under
`spanledger.` are ours and part of the public contract.
"""

from typing import Final

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
"""Seconds, as a double."""
CONVERSATION_ID: Final = "gen_ai.conversation.id"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
COST_AMOUNT: Final = "gen_ai.usage.cost.amount"
COST_CURRENCY: Final = "gen_ai.usage.cost.currency"
COST_SOURCE: Final = "gen_ai.usage.cost.source"

USAGE: Final = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
    "input_audio_tokens": "gen_ai.usage.audio.input_tokens",
    "input_image_tokens": "gen_ai.usage.image.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "output_audio_tokens": "gen_ai.usage.audio.output_tokens",
    "output_image_tokens": "gen_ai.usage.image.output_tokens",
}
"""The attribute of each unit of `Usage` with a conventional name; the raw usage has the rest."""

ERROR_TYPE: Final = "error.type"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
SERVICE_NAME: Final = "service.name"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
USER_ID: Final = "user.id"

TEAM: Final = "spanledger.team"
DEPARTMENT: Final = "spanledger.department"
MESSAGE_ID: Final = "spanledger.message.id"
FEATURE: Final = "spanledger.feature"
ROUTE: Final = "spanledger.route"
TAG_PREFIX: Final = "spanledger.tag."
API_KEY_HASH: Final = "spanledger.api_key.hash"
SKIP_CHARGE: Final = "spanledger.skip_charge"
REPLAY: Final = "spanledger.replay"
USAGE_SOURCE: Final = "spanledger.usage.source"
USAGE_PARTIAL: Final = "spanledger.usage.partial"
USAGE_RAW: Final = "spanledger.usage.raw"
"""The provider's usage object as JSON, at most `USAGE_RAW_BYTES_MAX` bytes."""
USAGE_RAW_BYTES_MAX: Final = 4096
ANSWER_PROBLEM: Final = "spanledger.answer.problem"
"""What kept us from reading the answer, or from believing its usage, in a few words."""
PREVIOUS_RESPONSE_ID: Final = "spanledger.previous_response.id"
REQUEST_BATCH: Final = "spanledger.request.batch"
REQUEST_SERVICE_TIER: Final = "spanledger.request.service_tier"
RESPONSE_SERVICE_TIER: Final = "spanledger.response.service_tier"
ATTEMPT: Final = "spanledger.attempt"
RETRY_ID: Final = "spanledger.retry.id"
"""The same on all attempts of one call; absent where the first one was answered."""
COVERED: Final = "spanledger.covered"
"""Set by us on somebody else's span around one of ours: the call is recorded beneath it, so that
span is not a second billable one."""

INFERENCE_OPERATIONS: Final = frozenset(
    {"chat", "text_completion", "generate_content", "embeddings", "rerank"}
)
"""Values of `gen_ai.operation.name` that stand for a call of a model, which costs money. The
conventions have none for a rerank yet; that one is ours."""
