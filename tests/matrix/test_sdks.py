"""S4.1: what six more SDKs call is on record, whatever happens to it."""

import pytest

from tests.instrumentation.calls import Recording
from tests.matrix.cells import cells, check_cell, name_of
from tests.matrix.forms import Form
from tests.matrix.sdk_forms import (
    ANTHROPIC_FORMS,
    COHERE_FORMS,
    GOOGLE_FORMS,
    GROQ_FORMS,
    MISTRAL_FORMS,
    OLLAMA_FORMS,
)
from tests.matrix.server import Server

FORMS = [*ANTHROPIC_FORMS, *GOOGLE_FORMS, *MISTRAL_FORMS, *COHERE_FORMS, *GROQ_FORMS, *OLLAMA_FORMS]

# Google's SDK makes a kind of aiohttp's session for its asynchronous calls.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    # httpcore's generators cannot end properly where the app's are dropped.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize(("form", "column"), cells(FORMS), ids=name_of)
def test_the_app_sees_the_same_and_one_span_says_what_it_was(
    server: Server, recording: Recording, form: Form, column: str
) -> None:
    """S4.1, S4.3: model, provider, tokens, status: of one attempt exactly one billable span."""
    check_cell(server, recording, form, column)
