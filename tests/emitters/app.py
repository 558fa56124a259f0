"""An app in Python whose library tells of its calls: run by `tests.emitters.record`.

    python -m tests.emitters.app EMITTER

Runs in an environment of its own, where the library and the SDKs are installed.
"""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from urllib.parse import quote
from urllib.request import urlopen

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.neighbours import forms
from tests.neighbours.libraries import LIBRARIES, set_up

URL: Final = os.environ.get("EMITTER_URL", "")

PACKAGES: Final = (
    "openai", "anthropic", "google-genai", "opentelemetry-sdk", "litellm", "semantic-kernel",
    "langchain", "langchain-openai", "langchain-anthropic", "langfuse", "logfire", "openlit",
    "pydantic-ai-slim", "traceloop-sdk", "haystack-ai", "opentelemetry-util-genai",
    "opentelemetry-instrumentation-openai", "opentelemetry-instrumentation-anthropic",
    "opentelemetry-instrumentation-google-generativeai", "opentelemetry-instrumentation-langchain",
    "opentelemetry-instrumentation-openai-v2", "opentelemetry-instrumentation-genai-openai",
    "opentelemetry-instrumentation-genai-anthropic", "opentelemetry-instrumentation-google-genai",
    "openinference-instrumentation-openai", "openinference-instrumentation-anthropic",
    "openinference-instrumentation-google-genai", "openinference-instrumentation-langchain",
)  # fmt: skip

Call = Callable[[str], object]


def _chat_error(url: str) -> None:
    forms._openai(url).chat.completions.create(model="error-model", messages=forms.MESSAGES)


def _messages_error(url: str) -> None:
    forms._anthropic(url).messages.create(**{**forms.CLAUDE, "model": "error-model"})


SDK_CALLS: Final[dict[str, Call]] = {
    **{name: call for name, (call, _) in forms.FORMS.items() if "parallel" not in name},
    "chat error": _chat_error,
    "messages error": _messages_error,
}


def _litellm(model: str, **given: Any) -> Call:
    def call(url: str) -> None:
        litellm: Any = import_module("litellm")
        base = url + "/v1" if model.startswith("openai") else url
        answer = litellm.completion(
            model=model, messages=forms.MESSAGES, api_base=base, api_key=forms.KEY,
            num_retries=0, max_retries=0, user="ada", **given
        )  # fmt: skip
        if given.get("stream"):
            list(answer)

    return call


def _litellm_embedding(url: str) -> None:
    import_module("litellm").embedding(
        model="openai/text-embedding-3-small", input=["hi"], api_base=url + "/v1", api_key=forms.KEY
    )


LITELLM: Final[dict[str, Call]] = {
    "chat": _litellm("openai/gpt-5-mini"),
    "chat stream": _litellm("openai/gpt-4o", stream=True, stream_options={"include_usage": True}),
    "messages": _litellm("anthropic/claude-haiku-4-5", max_tokens=9),
    "gemini": _litellm("gemini/gemini-2.5-flash"),
    "embeddings": _litellm_embedding,
    "chat error": _litellm("openai/error-model"),
}


def _langchain(kind: str, model: str, *, stream: bool = False) -> Call:
    def call(url: str) -> None:
        callbacks: list[Any] = []
        if "langfuse" in sys.argv[1]:
            callbacks.append(import_module("langfuse.langchain").CallbackHandler())
        if kind == "openai":
            chat = import_module("langchain_openai").ChatOpenAI(
                model=model, api_key=forms.KEY, base_url=url + "/v1", max_retries=0,
                stream_usage=True,
            )  # fmt: skip
        else:
            chat = import_module("langchain_anthropic").ChatAnthropic(
                model=model, api_key=forms.KEY, base_url=url, max_retries=0
            )
        prompt = import_module("langchain_core.prompts").ChatPromptTemplate
        chain = prompt.from_messages([("user", "{asked}")]) | chat
        config = {
            "callbacks": callbacks,
            "metadata": {"langfuse_user_id": "ada", "langfuse_session_id": "s-1"},
        }
        if stream:
            list(chain.stream({"asked": "hi"}, config=config))
        else:
            chain.invoke({"asked": "hi"}, config=config)

    return call


LANGCHAIN: Final[dict[str, Call]] = {
    "chat": _langchain("openai", "gpt-5-mini"),
    "chat stream": _langchain("openai", "gpt-4o", stream=True),
    "messages": _langchain("anthropic", "claude-haiku-4-5"),
    "chat error": _langchain("openai", "error-model"),
}


def _kernel(model: str, *, stream: bool = False) -> Call:
    async def run(url: str) -> None:
        client = import_module("openai").AsyncOpenAI(
            api_key=forms.KEY, base_url=url + "/v1", max_retries=0
        )
        module: Any = import_module("semantic_kernel.connectors.ai.open_ai")
        service = module.OpenAIChatCompletion(ai_model_id=model, async_client=client)
        history: Any = import_module("semantic_kernel.contents").ChatHistory()
        history.add_user_message("hi")
        settings = module.OpenAIChatPromptExecutionSettings()
        if stream:
            async for _ in service.get_streaming_chat_message_content(history, settings):
                pass
        else:
            await service.get_chat_message_content(history, settings)

    return lambda url: asyncio.run(run(url))


KERNEL: Final[dict[str, Call]] = {
    "chat": _kernel("gpt-5-mini"),
    "chat stream": _kernel("gpt-4o", stream=True),
    "chat error": _kernel("error-model"),
}


def _workflow(url: str) -> None:
    decorators: Any = import_module("traceloop.sdk.decorators")
    import_module("traceloop.sdk").Traceloop.set_association_properties(
        {"user_id": "ada", "session_id": "s-1"}
    )
    task = decorators.task(name="ask")(lambda: forms._chat(url))
    decorators.workflow(name="answer")(task)()


def _observed(_url: str) -> None:
    """A generation of the app's own, with a user and a session."""
    langfuse: Any = import_module("langfuse")
    client: Any = langfuse.get_client()
    with (
        client.start_as_current_observation(name="turn", as_type="span"),
        langfuse.propagate_attributes(user_id="ada", session_id="s-1"),
        client.start_as_current_observation(
            name="answer", as_type="generation", model="claude-haiku-4-5"
        ) as generation,
    ):
        generation.update(
            usage_details={
                "input": 41,
                "cache_read_input_tokens": 18064,
                "cache_creation_input_tokens": 1400,
                "output": 503,
            },
            cost_details={"total": 0.0123},
        )


SPECIAL: Final[dict[str, dict[str, Call]]] = {
    "litellm": LITELLM,
    "semantic-kernel": KERNEL,
    "langfuse": {**SDK_CALLS, "observed": _observed},
    "langfuse-langchain": LANGCHAIN,
    "openinference-langchain": LANGCHAIN,
    "openllmetry-langchain": LANGCHAIN,
    "pydantic-ai": {name: call for name, (call, _) in forms.AGENTS.items()},
    "traceloop": {"workflow": _workflow, **SDK_CALLS},
}
"""The calls of emitters that are recorded with others than those of the providers' SDKs."""


def calls_of(emitter: str) -> dict[str, Call]:
    """The calls that an emitter is recorded with, as far as their SDKs are installed."""
    if emitter == "langfuse":
        forms._modules["openai"] = "langfuse.openai"
    return SPECIAL.get(emitter, SDK_CALLS)


def turn_on(emitter: str) -> None:
    """As its documentation says."""
    exporter = SimpleSpanProcessor(OTLPSpanExporter())
    if emitter in LIBRARIES:
        set_up(emitter, SpanProcessor(), exporter)
        LIBRARIES[emitter]()
        return
    if emitter != "litellm":
        set_up(emitter, SpanProcessor(), exporter)
    if emitter == "litellm":
        # As its proxy does: its own provider, out of the environment.
        litellm: Any = import_module("litellm")
        litellm.callbacks = ["otel"]
    elif emitter == "openinference-langchain":
        import_module(
            "openinference.instrumentation.langchain"
        ).LangChainInstrumentor().instrument()
    elif emitter == "openllmetry-langchain":
        import_module(
            "opentelemetry.instrumentation.langchain"
        ).LangchainInstrumentor().instrument()
    elif emitter == "langfuse-langchain":
        import_module("langfuse").Langfuse()


def flush(emitter: str) -> None:
    """Send what is held back."""
    gc.collect()
    if emitter == "litellm":
        time.sleep(2)  # it reports from threads of its own, and tells nobody when
    provider: Any = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) or hasattr(provider, "force_flush"):
        provider.force_flush()


def tell(path: str) -> None:
    """Let the recorder know."""
    urlopen(URL + path).read()  # noqa: S310 - the recorder's own address


def main(emitter: str) -> None:
    """Make each call, and let the recorder know which."""
    os.environ.update(
        SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS="true",
        LANGFUSE_BASE_URL=URL,
        LANGFUSE_PUBLIC_KEY="pk-lf-golden",
        LANGFUSE_SECRET_KEY=forms.KEY,
        OTEL_EXPORTER="otlp_http",
        OTEL_ENDPOINT=URL + "/v1/traces",
        OTEL_BSP_SCHEDULE_DELAY="100",
        OTEL_SERVICE_NAME="golden",
        HAYSTACK_TELEMETRY_ENABLED="false",
        TRACELOOP_TELEMETRY="false",
        GEMINI_API_KEY=forms.KEY,
    )
    turn_on(emitter)
    for package in PACKAGES:
        try:
            tell(f"/version/{package}/{version(package)}")
        except PackageNotFoundError:
            continue
    for name, call in calls_of(emitter).items():
        tell(f"/mark/{quote(name)}")
        try:
            call(URL)
        except Exception as error:  # noqa: BLE001 - calls of error forms fail, with whatever class
            print(f"{emitter} {name}: {type(error).__name__} {str(error)[:150]}")  # noqa: T201 - a script: this is its answer
        flush(emitter)


if __name__ == "__main__":
    main(sys.argv[1])
