import pytest

from spanledger.demo.wording import count_tokens, draft, prompt_of, texts_of, whole


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_a_token_is_four_characters(text: str, tokens: int) -> None:
    """A begun token counts in full."""
    assert count_tokens(text) == tokens


def test_the_prompt_is_read_in_the_order_of_the_providers() -> None:
    """Tools come first, then instructions, then messages; other fields are not read."""
    body = {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "two"}]}],
        "instructions": "one",
        "tools": [{"name": "t"}],
        "user": "not read",
    }
    assert prompt_of(body) == '[{"name": "t"}]\none\ntwo'


def test_texts_are_found_at_any_depth() -> None:
    """Strings, blocks and parts are read alike; images have no text."""
    image: dict[str, object] = {"inlineData": {}}
    content: list[object] = ["a", {"text": "b"}, {"parts": [{"text": "c"}, image]}, 5, None]
    assert list(texts_of(content)) == ["a", "b", "c"]


def test_a_reply_follows_from_the_prompt_alone() -> None:
    """The same prompt is answered alike, and another one differently."""
    assert draft("ping", None) == draft("ping", None)
    assert len({draft(f"prompt {n}", None).text for n in range(50)}) > 10


def test_a_limit_cuts_the_reply() -> None:
    """The limit of the request holds, and the draft says that it was cut."""
    cut = draft("ping", 3)
    assert (cut.tokens, cut.truncated, len(cut.text)) == (3, True, 12)
    assert not draft("ping", 10_000).truncated


def test_pieces_make_up_the_text() -> None:
    """A streamed reply is the reply, and comes in several pieces."""
    reply = draft("ping", None)
    assert len(reply.pieces()) > 2
    assert "".join(reply.pieces()) == reply.text
    assert draft("ping", 0).pieces() == [""]


@pytest.mark.parametrize(
    ("value", "expected"), [(5, 5), (0, None), (-1, None), (True, None), ("5", None), (None, None)]
)
def test_a_limit_is_a_positive_whole_number(value: object, expected: int | None) -> None:
    """Anything else is no limit."""
    assert whole(value) == expected
