"""The package itself: six names, and no effect on import."""

import importlib.metadata

import spanledger
from tests.instrumentation.programs import run
from tests.test_auto import LOADED


def test_the_public_names() -> None:
    """What an app may use."""
    assert spanledger.__all__ == [
        "ASGIMiddleware",
        "WSGIMiddleware",
        "__version__",
        "attribute",
        "instrument",
        "uninstrument",
    ]
    assert all(hasattr(spanledger, name) for name in spanledger.__all__)


def test_the_version_is_the_distributions() -> None:
    """What is imported is what is installed."""
    assert spanledger.__version__ == importlib.metadata.version("spanledger")


def test_importing_it_does_nothing() -> None:
    """No hook, no provider, no SDK, nothing heavy."""
    printed = run(
        "import sys; before = list(sys.meta_path); import spanledger"
        + LOADED
        + "print(before == sys.meta_path, 'opentelemetry.sdk.trace' in sys.modules)"
    )
    assert printed.splitlines() == ["[]", "True False"]
