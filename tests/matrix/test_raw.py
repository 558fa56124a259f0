"""S4.1: what plain HTTP clients call is on record, whatever happens to it."""

import pytest

from tests.instrumentation.calls import Recording
from tests.matrix.cells import cells, check_cell, name_of
from tests.matrix.forms import Form
from tests.matrix.raw_forms import AIOHTTP_FORMS, HTTPX_FORMS, REQUESTS_FORMS, VOYAGE_FORMS
from tests.matrix.server import Server

FORMS = [*HTTPX_FORMS, *AIOHTTP_FORMS, *REQUESTS_FORMS, *VOYAGE_FORMS]

# What an app drops without closing it, Python names.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.mark.parametrize(("form", "column"), cells(FORMS), ids=name_of)
def test_the_app_sees_the_same_and_one_span_says_what_it_was(
    server: Server, recording: Recording, form: Form, column: str
) -> None:
    """S4.1, S4.3: model, provider, tokens, status: of one attempt exactly one billable span."""
    check_cell(server, recording, form, column)
