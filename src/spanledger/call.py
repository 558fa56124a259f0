"""One LLM call as every part of the house after the wire speaks of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

from spanledger.usage import Usage

__all__ = ["DEFAULT_PROJECT", "NO_TAGS", "Call", "CallId", "PriceContext", "UsageSource"]

CallId = tuple[str, str, str]
"""What identifies a call: (project, trace_id, span_id)."""

PriceContext = tuple[tuple[str, str], ...]
"""Pairs of name and value, sorted: it can be a key, as a mapping cannot."""

UsageSource = Literal["provider", "estimated", "none"]
"""Who counted: the provider, our tokenizer, or nobody."""

DEFAULT_PROJECT: Final = "default"
"""The project of keys and calls that name none."""

NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One exchange with a model provider: who, what, when, and how much; not yet what it cost.

    Texts are empty where nothing was said; numbers are `None`. A call is identified by its
    project, trace and span: the same span delivered twice is the same call.
    """

    project: str = DEFAULT_PROJECT
    """The tenant. It comes from the key that delivered the span, never from the span."""
    trace_id: str
    """32 lower-case hex digits."""
    span_id: str
    """16 lower-case hex digits."""
    parent_span_id: str = ""
    start_time: datetime
    """When the request left, in UTC."""
    duration_us: int
    """From request to the last byte of the answer, in microseconds."""
    time_to_first_chunk_us: int | None = None
    """From request to the first chunk of a streamed answer, in microseconds."""

    provider: str
    """`gen_ai.provider.name`, for instance `openai` or `gcp.gemini`."""
    operation: str
    """`gen_ai.operation.name`, for instance `chat` or `embeddings`."""
    request_model: str = ""
    response_model: str = ""
    response_id: str = ""
    stream: bool = False
    error_type: str = ""
    """`error.type`; empty when the call succeeded."""
    attempt: int | None = None
    """Which try of the SDK this was, from 1, where it says so."""

    service: str = ""
    """`service.name` of the application."""
    environment: str = ""
    """`deployment.environment.name` of the application."""
    user_id: str = ""
    team: str = ""
    department: str = ""
    agent_id: str = ""
    conversation_id: str = ""
    message_id: str = ""
    feature: str = ""
    route: str = ""
    api_key_id: str = ""
    """Salted hash of the provider key that was used; never the key."""
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    skip_charge: bool = False
    """The application asked not to charge this call to anybody."""
    replay: bool = False
    """The result was answered from a cache of the application: nothing was consumed."""

    usage: Usage = field(default_factory=Usage)
    usage_problem: str = ""
    """Why the reported usage cannot be true; empty when it can. `usage` is then empty."""
    usage_source: UsageSource = "none"
    usage_partial: bool = False
    """There may be more: the stream ended early, or an estimate could not see all."""
    usage_raw: str = ""
    """The provider's usage object as JSON: the evidence for the price."""
    batch: bool = False
    """The call went through the provider's batch API."""
    request_service_tier: str = ""
    response_service_tier: str = ""
    price_context: PriceContext = ()
    """What else selects the price: the region, the speed, the size of a search and so on."""
    reported_amount: Decimal | None = None
    """What the provider itself said that the call cost, in `reported_currency`."""
    reported_currency: str = ""

    def __post_init__(self) -> None:
        """Refuse what would make a row nobody could find again."""
        if self.start_time.utcoffset() is None:
            msg = f"start_time {self.start_time} has no time zone"
            raise ValueError(msg)

    @property
    def identity(self) -> CallId:
        """Deliveries with the same identity are the same call."""
        return (self.project, self.trace_id, self.span_id)

    @property
    def call_id(self) -> str:
        """`<trace_id>-<span_id>`, unique within a project."""
        return f"{self.trace_id}-{self.span_id}"

    @property
    def model(self) -> str:
        """The model that answered where it said so, else the one that was asked."""
        return self.response_model or self.request_model

    @property
    def service_tier(self) -> str:
        """The tier that the provider says it used, else the one that was asked for."""
        return self.response_service_tier or self.request_service_tier
