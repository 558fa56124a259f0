"""Which packages are here, and whether their calls can be recorded."""

import importlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from importlib.util import find_spec
from typing import Final

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracer, NoOpTracerProvider

from spanledger import __version__
from spanledger.doctor.finding import Finding, attention, fine, note
from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.metrics import Metrics
from spanledger.instrumentation.patch import Patch, unpatch
from spanledger.instrumentation.telemetry import Destination
from spanledger.instrumentation.transports.aiohttp import OldAiohttp
from spanledger.instrumentation.transports.table import TRANSPORTS, patch_transport

__all__ = ["check_hooks", "check_neighbours", "check_tokenizer", "check_versions"]

_BASE: Final = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-proto", "protobuf")

_REQUIREMENT: Final = re.compile(r"([\w.-]+)>=([\d.]+)(?!.*;)")

_NEIGHBOURS: Final = (
    ("OpenInference", re.compile(r"openinference-instrumentation-\w")),
    ("OpenLLMetry", re.compile(r"traceloop-sdk$")),
    ("Langfuse", re.compile(r"langfuse$")),
    ("Logfire", re.compile(r"logfire$")),
    ("OpenLIT", re.compile(r"openlit$")),
    (
        "an OpenTelemetry instrumentation of models",
        re.compile(
            r"opentelemetry-(util-genai$|instrumentation-(openai|anthropic|bedrock|cohere|google-gen"
            r"|groq|mistral|ollama|together|vertexai|langchain|llamaindex|alephalpha|replicate"
            r"|sagemaker|watsonx|writer|weaviate|crewai|haystack|botocore-genai))"
        ),
    ),
)
"""(name, what its packages are called) of those that record model calls as well."""


def check_versions() -> Iterator[Finding]:
    """Python, Spanledger and OpenTelemetry."""
    python = platform.python_version()
    yield fine(
        "packages.python", f"Python {python} in {sys.prefix}.", version=python, prefix=sys.prefix
    )
    found = {name: _version(name) for name in _BASE}
    old = [name for name, least in _required().items() if _below(found.get(name, ""), least)]
    listed = ", ".join(f"{name} {found[name] or 'is missing'}" for name in _BASE)
    says = f"Spanledger {__version__} with {listed}."
    facts = {"spanledger": __version__, **found}
    if old:
        yield attention(
            "packages.versions",
            says,
            f"Upgrade {', '.join(old)}: 'pip install --upgrade spanledger' does.",
            **facts,
        )
    else:
        yield fine("packages.versions", says, **facts)


def check_hooks() -> Iterator[Finding]:
    """Each HTTP library that is here: whether its method can be hooked, by doing it."""
    missing: list[str] = []
    for module in TRANSPORTS:
        name = module.partition(".")[0]
        if find_spec(name) is None:
            missing.append(name)
            continue
        found, error = _version(name), _hook(module)
        if error:
            yield attention(
                f"hooks.{name}",
                f"{name} {found} cannot be hooked ({error}): calls through it are not recorded.",
                "aiohttp is recorded from version 3.12 on."
                if name == "aiohttp"
                else f"Upgrade {name} or Spanledger: they do not know each other's version.",
                version=found,
            )
        else:
            yield fine(
                f"hooks.{name}", f"Calls through {name} {found} are recorded.", version=found
            )
    if missing:
        yield note("hooks.missing", f"Not installed here: {', '.join(missing)}.", missing=missing)


def check_neighbours() -> Iterator[Finding]:
    """Others who record model calls, and with whom one could be counted twice."""
    names = sorted({_normal(one.metadata["Name"] or "") for one in distributions()})
    for neighbour, pattern in _NEIGHBOURS:
        packages = [name for name in names if pattern.match(name)]
        if packages:
            yield note(
                "packages.neighbour",
                f"{neighbour[:1].upper()}{neighbour[1:]} is here too ({', '.join(packages)}).",
                "Its spans around ours are marked as covered, so a call counts once. If costs look"
                " doubled, compare the rows of one trace.",
                packages=packages,
            )


def check_tokenizer() -> Iterator[Finding]:
    """Whether tokens can be counted here."""
    if find_spec("tiktoken") is None:
        yield note(
            "packages.tokenizer",
            "tiktoken is not installed: where a provider states no usage, none can be estimated.",
            "Install it beside the application if that matters: 'pip install tiktoken'.",
        )
    else:
        found = _version("tiktoken")
        yield fine("packages.tokenizer", f"tiktoken {found} can count tokens.", version=found)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _required() -> dict[str, str]:
    """The least version of each package of the base install, as our own metadata say."""
    try:
        stated = requires("spanledger") or []
    except PackageNotFoundError:
        return {}
    matches = [match for one in stated if (match := _REQUIREMENT.match(one))]
    return {match[1]: match[2] for match in matches if match[1] in _BASE}


def _below(found: str, least: str) -> bool:
    """Whether a version is lower; what follows its numbers makes no difference here."""
    return _numbers(found) < _numbers(least)


def _numbers(text: str) -> list[int]:
    match = re.match(r"\d+(\.\d+)*", text)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        # 1.40 is as good as 1.40.0.
        numbers.pop()
    return numbers


def _hook(module: str) -> str:
    """Hook a library and let it go again; says what stood in the way, '' if nothing did."""
    recorder = Recorder(
        tracer=NoOpTracer(),
        metrics=Metrics(NoOpMeterProvider(), ""),
        destination=Destination(NoOpTracerProvider()),
    )
    patches: list[Patch] = []
    try:
        patches += patch_transport(importlib.import_module(module), recorder)
    except (
        *(ImportError, LookupError, AttributeError, TypeError, ValueError, OSError),
        *(RuntimeError, OldAiohttp),
    ) as error:
        return type(error).__name__
    finally:
        hooked = all(vars(one.owner).get(one.method) is one.shell for one in patches)
        for patch in patches:
            unpatch(patch)
    return "" if patches and hooked else "the method is not there"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
