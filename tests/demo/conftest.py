"""A served provider, and what it stated, for all tests of the demo."""

from collections import deque
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette

from spanledger.demo.provider import Statement, create_provider
from spanledger.demo.server import serve_provider


@pytest.fixture(scope="session")
def provider_app() -> Starlette:
    """The app behind `provider_url`; its prompt caches are shared, so tests use own prompts."""
    return create_provider(gap_seconds=0)


@pytest.fixture(scope="session")
def provider_url(provider_app: Starlette) -> Iterator[str]:
    """Where the simulated provider listens."""
    with serve_provider(provider_app) as url:
        yield url


@pytest.fixture
def statements(provider_app: Starlette) -> deque[Statement]:
    """What the provider states during the test."""
    kept: deque[Statement] = provider_app.state.statements
    kept.clear()
    return kept
