"""An app with a secret in every place where one can stand, run as `secrets_app.py <provider url>`.

Each call is answered by the provider in turn; what goes wrong is part of the matter.
"""

import asyncio
import logging
import sys
from contextlib import suppress
from typing import Any

import anthropic
import httpx
import httpx2
import openai
from google import genai
from google.genai import errors, types
from opentelemetry import baggage, context

import spanledger

SECRETS = {
    "bearer": "planted-01-bearer",
    "x-api-key": "planted-02-x-api-key",
    "api-key": "planted-03-api-key",
    "x-goog-api-key": "planted-04-goog-key",
    "key in a query": "planted-05-query-key",
    "token in a query": "planted-06-query-token",
    "userinfo": "planted-07-userinfo",
    "prompt": "planted-08-prompt",
    "tool": "planted-09-tool",
    "cookie": "planted-10-cookie",
    "gateway": "planted-11-gateway",
}
"""Those that the provider receives."""

ANSWERED = {
    "answer": "planted-12-answer",
    "error": "planted-13-error",
    "response header": "planted-14-response-header",
}
"""Those that it answers with."""

KEPT = {"baggage": "planted-15-baggage", "exception": "planted-16-exception"}
"""Those that leave the app by no request."""

MESSAGES: Any = [{"role": "user", "content": SECRETS["prompt"]}]
FAILURES = (openai.OpenAIError, anthropic.AnthropicError, errors.APIError)


def call_openai(url: str, *, stream: bool) -> None:
    """OpenAI's SDK, with a tool."""
    function = {"name": "f", "description": SECRETS["tool"], "parameters": {"type": "object"}}
    tools: Any = [{"type": "function", "function": function}]
    key = SECRETS["bearer"]
    with openai.OpenAI(api_key=key, base_url=f"{url}/v1", max_retries=0) as client:
        answer: Any = client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, tools=tools, stream=stream
        )
        if stream:
            list(answer)


async def call_azure(url: str) -> None:
    """OpenAI's SDK for Azure, asynchronous."""
    async with openai.AsyncAzureOpenAI(
        api_key=SECRETS["api-key"], azure_endpoint=url, api_version="2026-01-01", max_retries=0
    ) as client:
        stream: Any = await client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True
        )
        async for _ in stream:
            pass


def call_anthropic(url: str) -> None:
    """Anthropic's SDK."""
    with anthropic.Anthropic(api_key=SECRETS["x-api-key"], base_url=url, max_retries=0) as client:
        client.messages.create(model="claude-x", messages=MESSAGES, max_tokens=9)


def call_gemini(url: str) -> None:
    """Google's SDK."""
    options = types.HttpOptions(base_url=url)
    key = SECRETS["x-goog-api-key"]
    with genai.Client(api_key=key, vertexai=False, http_options=options) as client:
        client.models.generate_content(model="gemini-x", contents=SECRETS["prompt"])


def call_raw(library: Any, url: str) -> None:
    """Plain HTTP: keys in the query and before the host, cookies, a gateway's key."""
    headers = {
        "cookie": SECRETS["cookie"],
        "helicone-auth": f"Bearer {SECRETS['gateway']}",
        "x-portkey-api-key": SECRETS["gateway"],
    }
    host = url.removeprefix("http://")
    gemini = "/v1beta/models/gemini-x:generateContent"
    with library.Client(trust_env=False, headers=headers) as client:
        client.post(f"{url}{gemini}?key={SECRETS['key in a query']}", json={})
        client.post(
            f"http://user:{SECRETS['userinfo']}@{host}/v1/chat/completions"
            f"?access_token={SECRETS['token in a query']}#{SECRETS['token in a query']}",
            json={"messages": MESSAGES},
        )


def fetch_results(library: Any, url: str) -> None:
    """The results of a batch, and a call that nobody reads: both with keys in the query."""
    query = f"?key={SECRETS['key in a query']}"
    headers = {"x-api-key": SECRETS["x-api-key"], "cookie": SECRETS["cookie"]}
    with library.Client(trust_env=False, headers=headers) as client:
        client.get(f"{url}/v1/files/file-out/content{query}")
        client.post(f"{url}/v1/complete{query}", json={"prompt": SECRETS["prompt"]})


def call_broken(library: Any, url: str) -> None:
    """A transport that fails and says why."""

    def fail(_: object) -> Any:
        raise library.ConnectError(KEPT["exception"])

    with (
        suppress(library.ConnectError),
        library.Client(transport=library.MockTransport(fail)) as client,
    ):
        client.post(f"{url}/v1/chat/completions", json={"messages": MESSAGES})


def main(url: str) -> None:
    """Make every call once answered and once refused."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for name in ("spanledger", "opentelemetry"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    spanledger.instrument()
    context.attach(baggage.set_baggage("token", KEPT["baggage"]))
    with spanledger.attribute(user_id="ann"):
        for _ in ("answered", "refused"):
            for stream in (False, True):
                with suppress(*FAILURES):
                    call_openai(url, stream=stream)
            with suppress(*FAILURES):
                asyncio.run(call_azure(url))
            with suppress(*FAILURES):
                call_anthropic(url)
            with suppress(*FAILURES):
                call_gemini(url)
            for library in (httpx, httpx2):
                call_raw(library, url)
                call_broken(library, url)
                fetch_results(library, url)


if __name__ == "__main__":
    main(sys.argv[1])
