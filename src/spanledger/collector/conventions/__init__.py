"""From a span's attributes to a `Call`: what each name means is settled here and nowhere after.

One table for each convention of names (`genai`, `openinference`, `langfuse`, `vercel`, `litellm`),
chosen by what is on the span. `docs/conventions.md` says what is read of whom.
"""

from spanledger.collector.conventions.doubles import Reading, read_calls
from spanledger.collector.conventions.kinds import is_model_call
from spanledger.collector.conventions.reading import TAGS_MAX, to_call
from spanledger.collector.conventions.recent import Recent
from spanledger.collector.conventions.record import TEXT_MAX, AttributeValue, SpanRecord

__all__ = [
    "TAGS_MAX",
    "TEXT_MAX",
    "AttributeValue",
    "Reading",
    "Recent",
    "SpanRecord",
    "is_model_call",
    "read_calls",
    "to_call",
]
