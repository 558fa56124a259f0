"""A small application that calls three providers: an example to read, and the demo's traffic.

    python -m spanledger.demo.traffic --provider-url http://127.0.0.1:8080

The first import and the `with spanledger.attribute(...)` around the work for a message are all that
Spanledger asks of an application. The rest is ordinary use of the providers' own SDKs.
"""

# One import, and every call below is recorded.
import spanledger.auto  # isort: skip  # pyright: ignore[reportUnusedImport] - imported for its effect

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Final

import anthropic
import openai
from google import genai
from google.genai import types

from spanledger.demo.progress import Progress

__all__ = ["main"]

CALLS: Final = 42
"""Calls that the application makes. One of them is sent twice, by the SDK's own retry."""
ANSWERED: Final = 40
"""Calls that succeed; the other two are refused on purpose."""

# The simulated provider takes any key.
OPENAI_KEY: Final = "sk-demo-not-a-real-key"
ANTHROPIC_KEY: Final = "sk-ant-demo-not-a-real-key"
GEMINI_KEY: Final = "AIza-demo-not-a-real-key"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses the application."""

    user_id: str
    team: str
    department: str


ANA: Final = Person("ana", "support", "customer-care")
BEN: Final = Person("ben", "support", "customer-care")
CORA: Final = Person("cora", "research", "product")
DAN: Final = Person("dan", "research", "product")
EMIL: Final = Person("emil", "marketing", "sales")

# Long prompts that come again and again: the providers serve them from their prompt caches.
HANDBOOK: Final = "Be brief, be kind, and quote the paragraph of the terms you rely on. " * 70
SOURCES: Final = "A study of how much people pay for what they do not use, year by year. " * 90
STYLE_GUIDE: Final = "One thought a sentence, one topic a paragraph, no superlatives. " * 80

QUESTIONS: Final = ("Where is my parcel?", "Can I still send it back?", "When do I get my money?")
STEPS: Final = ("Plan the study.", "Read the sources.", "Judge what is missing.")
ISSUES: Final = (
    "Announce the winter sale.",
    "Thank our oldest customers.",
    "Explain the new fees.",
)


def working_for(
    person: Person, agent: str, topic: str, number: int
) -> AbstractContextManager[object]:
    """Say whom the calls inside are for; an app would take all this from the request it serves."""
    return spanledger.attribute(
        user_id=person.user_id,
        team=person.team,
        department=person.department,
        agent_id=agent,
        conversation_id=f"{person.user_id}-{topic}",
        message_id=f"{person.user_id}-{topic}-{number}",
        feature=topic,
    )


def answer_customers(client: openai.OpenAI, progress: Progress) -> None:
    """The help desk: find a passage by embeddings, then answer; whole for Ana, streamed for Ben."""
    for number, question in enumerate(QUESTIONS, start=1):
        for person in (ANA, BEN):
            with working_for(person, "help-desk", "returns", number):
                progress.step(f"{person.user_id}: text-embedding-3-small finds a passage")
                client.embeddings.create(model="text-embedding-3-small", input=question)
                if person is ANA:
                    answer_whole(client, progress, person, question)
                else:
                    answer_streamed(client, progress, person, question)


def answer_whole(client: openai.OpenAI, progress: Progress, person: Person, question: str) -> None:
    """Ask for one JSON body."""
    progress.step(f"{person.user_id}: gpt-4o answers")
    client.chat.completions.create(
        model="gpt-4o",
        messages=[
            {"role": "system", "content": HANDBOOK},
            {"role": "user", "content": question},
        ],
    )


def answer_streamed(
    client: openai.OpenAI, progress: Progress, person: Person, question: str
) -> None:
    """Ask for a stream; OpenAI states the usage of one only where `include_usage` asks for it."""
    progress.step(f"{person.user_id}: gpt-4o-mini streams an answer")
    stream = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": HANDBOOK},
            {"role": "user", "content": question},
        ],
        stream=True,
        stream_options={"include_usage": True},
    )
    for _chunk in stream:
        pass


async def do_research(provider_url: str, progress: Progress) -> None:
    """The researchers work side by side, and nothing of one is charged to the other."""
    with new_gemini(provider_url) as gemini:
        async with (
            openai.AsyncOpenAI(api_key=OPENAI_KEY, base_url=f"{provider_url}/openai/v1") as gpt,
            anthropic.AsyncAnthropic(
                api_key=ANTHROPIC_KEY, base_url=f"{provider_url}/anthropic"
            ) as claude,
            gemini.aio as gemini_async,
        ):
            await asyncio.gather(
                *(research(person, gpt, claude, gemini_async, progress) for person in (CORA, DAN))
            )


async def research(
    person: Person,
    gpt: openai.AsyncOpenAI,
    claude: anthropic.AsyncAnthropic,
    gemini: genai.client.AsyncClient,
    progress: Progress,
) -> None:
    """One study: three models each take a step, three times over."""
    for number, step in enumerate(STEPS, start=1):
        with working_for(person, "researcher", "pricing-study", number):
            progress.step(f"{person.user_id}: gpt-5 thinks")
            thoughts = await gpt.responses.create(
                model="gpt-5", input=step, reasoning={"effort": "high"}, stream=True
            )
            async for _event in thoughts:
                pass
            progress.step(f"{person.user_id}: claude-sonnet-4-6 reads")
            async with claude.messages.stream(
                model="claude-sonnet-4-6",
                max_tokens=400,
                system=[
                    {
                        "type": "text",
                        "text": f"For {person.user_id}. {SOURCES}",
                        "cache_control": {"type": "ephemeral", "ttl": "1h"},
                    }
                ],
                messages=[{"role": "user", "content": step}],
            ) as reading:
                await reading.until_done()
            progress.step(f"{person.user_id}: gemini-2.5-pro judges")
            await gemini.models.generate_content(model="gemini-2.5-pro", contents=step)


def write_newsletters(
    claude: anthropic.Anthropic, gemini: genai.Client, progress: Progress
) -> None:
    """The writer drafts with one provider and polishes with another."""
    for number, issue in enumerate(ISSUES, start=1):
        with working_for(EMIL, "writer", "newsletter", number):
            progress.step("emil: claude-haiku-4-5 drafts")
            draft = claude.messages.create(
                model="claude-haiku-4-5",
                max_tokens=300,
                system=[
                    {"type": "text", "text": STYLE_GUIDE, "cache_control": {"type": "ephemeral"}}
                ],
                messages=[{"role": "user", "content": issue}],
            )
            text = "".join(block.text for block in draft.content if block.type == "text")
            polish(gemini, text, progress)


def polish(gemini: genai.Client, text: str, progress: Progress) -> None:
    """Stream the text through a fast model."""
    progress.step("emil: gemini-2.5-flash polishes")
    for _chunk in gemini.models.generate_content_stream(model="gemini-2.5-flash", contents=text):
        pass


def ask_in_house(client: openai.OpenAI, progress: Progress) -> None:
    """A model of our own has no list price: its calls are counted and shown as unpriced."""
    for person in (ANA, EMIL):
        with working_for(person, "help-desk", "glossary", 1):
            progress.step(f"{person.user_id}: acme-internal-1 explains")
            client.chat.completions.create(
                model="acme-internal-1",
                messages=[{"role": "user", "content": "What does RMA mean?"}],
            )


def live_with_trouble(
    gpt: openai.OpenAI, claude: anthropic.Anthropic, gemini: genai.Client, progress: Progress
) -> None:
    """What goes wrong on a normal day: each failed attempt is recorded, none of them costs."""
    with working_for(BEN, "help-desk", "returns", 4):
        progress.step("ben: gpt-4o is refused once, and the SDK tries again")
        gpt.responses.create(
            model="gpt-4o", input="Still there?", extra_headers={"x-simulate": "429-once"}
        )
    with working_for(ANA, "help-desk", "returns", 4):
        progress.step("ana: gpt-4o is refused, and she is asked to wait")
        with suppress(openai.RateLimitError):  # the page then says "try again in a minute"
            gpt.with_options(max_retries=0).responses.create(
                model="gpt-4o", input="Hello?", extra_headers={"x-simulate": "429"}
            )
    with working_for(EMIL, "writer", "newsletter", 4):
        progress.step("emil: claude-haiku-4-5 fails, and another provider steps in")
        try:
            claude.with_options(max_retries=0).messages.create(
                model="claude-haiku-4-5",
                max_tokens=300,
                messages=[{"role": "user", "content": "Say goodbye."}],
                extra_headers={"x-simulate": "500"},
            )
        except anthropic.InternalServerError:
            polish(gemini, "Say goodbye.", progress)


def new_gemini(provider_url: str) -> genai.Client:
    """A client of the Gemini API at the simulated provider."""
    options = types.HttpOptions(base_url=f"{provider_url}/gemini")
    return genai.Client(api_key=GEMINI_KEY, http_options=options)


def run(provider_url: str, progress: Progress) -> None:
    """Make all calls."""
    with (
        openai.OpenAI(api_key=OPENAI_KEY, base_url=f"{provider_url}/openai/v1") as gpt,
        anthropic.Anthropic(api_key=ANTHROPIC_KEY, base_url=f"{provider_url}/anthropic") as claude,
        new_gemini(provider_url) as gemini,
    ):
        answer_customers(gpt, progress)
        asyncio.run(do_research(provider_url, progress))
        write_newsletters(claude, gemini, progress)
        ask_in_house(gpt, progress)
        live_with_trouble(gpt, claude, gemini, progress)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application once; its spans are handed over before it returns."""
    parser = argparse.ArgumentParser(description="Call three simulated providers.")
    parser.add_argument("--provider-url", required=True, help="where the providers listen")
    provider_url: str = parser.parse_args(arguments).provider_url.rstrip("/")
    progress = Progress(stream=sys.stderr, total=CALLS)
    try:
        run(provider_url, progress)
    except openai.APIConnectionError:
        progress.finish(f"No provider answers at {provider_url}.")
        return 1
    finally:
        spanledger.uninstrument()
    progress.finish(f"{CALLS} calls: {ANSWERED} answered, {CALLS - ANSWERED} refused on purpose.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
