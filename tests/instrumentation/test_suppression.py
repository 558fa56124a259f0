"""Who asks instrumentations to look away is heard."""

from opentelemetry.context import attach, detach, set_value
from opentelemetry.instrumentation.utils import suppress_instrumentation

from spanledger.instrumentation.suppression import suppressed


def test_both_ways_to_ask() -> None:
    """Exporters set one key, older code another one."""
    assert not suppressed()
    with suppress_instrumentation():
        assert suppressed()
    token = attach(set_value("suppress_instrumentation", "yes"))
    assert suppressed()
    detach(token)
    assert not suppressed()
