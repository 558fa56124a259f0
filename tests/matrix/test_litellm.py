"""S4.1: what LiteLLM calls is on record, whatever happens to it. Apart, as it is slow to load."""

import importlib
import warnings
from collections.abc import Iterator

import pytest

from tests.instrumentation.calls import Recording
from tests.matrix.cells import COLUMNS, check_cell
from tests.matrix.forms import Form
from tests.matrix.server import Server

# LiteLLM's own: its models, its loops and its sessions.
pytestmark = pytest.mark.filterwarnings("ignore")

NAMES = [
    f"litellm to {provider}{streamed}{is_async}"
    for provider in ("openai", "mistral")
    for streamed in ("", ", streamed")
    for is_async in ("", ", async")
]


@pytest.fixture(scope="module")
def forms() -> Iterator[dict[str, Form]]:
    """LiteLLM's forms; it would fetch its list of prices when it is imported."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        module = importlib.import_module("tests.matrix.litellm_forms")
        yield {form.name: form for form in module.FORMS}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", NAMES)
def test_the_app_sees_the_same_and_one_span_says_what_it_was(
    server: Server, recording: Recording, forms: dict[str, Form], name: str, column: str
) -> None:
    """S4.1, S4.3: model, provider, tokens, status: of one attempt exactly one billable span."""
    if COLUMNS[column].fits(forms[name]):
        check_cell(server, recording, forms[name], column)
