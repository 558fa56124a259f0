"""`spanledger price`: for people by tokens, for scripts line by line."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spanledger.cli import main

CASE: dict[str, Any] = {
    "url": "https://api.openai.com/v1/chat/completions",
    "provider": "openai",
    "model": "gpt-4o-2024-08-06",
    "api": "chat",
    "at": "2025-03-01T12:00:00Z",
    "payload": {
        "model": "gpt-4o-2024-08-06",
        "usage": {"prompt_tokens": 1200, "completion_tokens": 350},
    },
}
OVERLAY = "overrides: [{match: {model: 'gpt-4o*'}, prices: {input_mtok: '1'}, note: '€ 🙂'}]"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command; its code, what it printed, and its complaint."""

    def runs(*args: str) -> tuple[int, str, str]:
        code = main(["price", *args])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return runs


def as_file(where: Path, *lines: object) -> str:
    """A file with a line for each; a text is written as it is."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (where / "calls.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return str(where / "calls.jsonl")


def answers(out: str) -> list[Any]:
    """What was printed, line by line."""
    return [json.loads(line) for line in out.splitlines()]


def test_a_call_by_its_tokens(run: Run) -> None:
    """The words of the issue, with what they answer."""
    code, out, _ = run("gpt-4o", "--input", "1200", "--output", "350", "--at", "2025-03-01")
    head, first, second, total, source, *_ = out.splitlines()

    assert code == 0
    assert head == "openai gpt-4o at 2025-03-01T00:00Z"
    assert first.split() == ["input_tokens", "1,200", "x", "$2.50", "/", "1,000,000", "$0.003"]
    assert second.split() == ["output_tokens", "350", "x", "$10.00", "/", "1,000,000", "$0.0035"]
    assert total.split() == ["total", "priced", "$0.0065"]
    assert source.startswith("  from list:genai-prices/")
    assert "also sold by" in out
    assert "choose with --provider" in out


def test_a_call_for_scripts(run: Run) -> None:
    """All parts of the input and output, with amounts as texts."""
    options = "--input 1000 --cached 600 --output 50 --reasoning 20 --json"
    code, out, _ = run("gpt-4o", *options.split(), "--provider", "openai", "--at", "2025-03-01")
    answer = json.loads(out)

    assert code == 0
    assert answer["provider"] == "openai"
    assert (answer["amount"], answer["computed_amount"]) == ("0.00225", "0.00225")
    assert (answer["status"], answer["currency"], answer["reason"]) == ("priced", "usd", "")
    assert answer["book_version"].startswith("genai-prices/")
    assert [(line["unit"], line["quantity"], line["rate"]) for line in answer["lines"]] == [
        ("input_tokens", "400", "2.5"),
        ("cache_read_tokens", "600", "1.25"),
        ("output_tokens", "50", "10"),
    ]
    assert answer["lines"][0]["per"] == 1_000_000
    assert answer["lines"][0]["amount"] == "0.001"
    assert "effective_date" in answer["lines"][0]


def test_cache_writes_batches_and_tiers(run: Run) -> None:
    """Each by its option."""
    base = ("claude-sonnet-4-5", "--input", "1000000", "--output", "0", "--at", "2026-01-15")
    amounts = [
        json.loads(run(*base, *more, "--json")[1])["amount"]
        for more in ((), ("--cache-write", "1000000"), ("--batch",))
    ]
    code, out, _ = run(*base, "--tier", "quux")

    assert amounts == ["6", "7.5", "3"]
    assert code == 0
    assert " partial " in out
    assert "has no rates for service_tier quux" in out


def test_a_date_of_the_price_is_shown(run: Run) -> None:
    """Where the source says since when it holds."""
    _, out, _ = run("o3", "--input", "1", "--output", "1", "--at", "2025-07-01")

    assert ", since 2025-06-10" in out


def test_an_unknown_model_is_said_and_tells_by_its_code(run: Run) -> None:
    """Unknown is not zero, for people and for scripts."""
    code, out, _ = run("gpt-9-ultra", "--input", "1", "--at", "2025-03-01T12:30:00Z")
    assert code == 1
    assert out.splitlines() == [
        "unknown provider gpt-9-ultra at 2025-03-01T12:30Z",
        "  unpriced: no price is known for model 'gpt-9-ultra'",
    ]
    code, out, _ = run("gpt-9-ultra", "--provider", "openai", "--input", "1", "--json")
    assert code == 1
    assert json.loads(out)["amount"] is None
    assert json.loads(out)["status"] == "unpriced"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ((), "name either a model, or a file"),
        (("gpt-4o", "--jsonl", "-"), "name either a model, or a file"),
        (("gpt-4o",), "say how many tokens"),
        (("gpt-4o", "--input", "1", "--at", "soon"), "'soon' is no time"),
        (("gpt-4o", "--input", "-1"), "input_tokens -1 is not between"),
        (("gpt-4o", "--input", "1", "--cached", "2"), "cache_read_tokens 2 exceeds input_tokens 1"),
        (("gpt-4o", "--input", "1", "--overlay", "none.yaml"), "none.yaml: cannot be read"),
        (("--jsonl", "none.jsonl"), "cannot read none.jsonl: No such file"),
    ],
)
def test_what_cannot_be_answered_is_said(run: Run, args: tuple[str, ...], complaint: str) -> None:
    """On standard error, with a code, and nothing on standard output."""
    code, out, err = run(*args)

    assert code != 0
    assert out == ""
    assert complaint in err


def test_an_overlay_of_ones_own(run: Run, tmp_path: Path) -> None:
    """By a file, which is refused where it is broken."""
    good, broken = tmp_path / "prices.yaml", tmp_path / "broken.yaml"
    good.write_text(OVERLAY, encoding="utf-8")
    broken.write_text("overrides: [{match: {}, prices: {input_mtok: -1}}]")
    args = ("gpt-4o", "--input", "1000000", "--provider", "openai", "--at", "2025-03-01")

    code, out, _ = run(*args, "--overlay", str(good))
    assert code == 0
    assert "from overlay:prices.yaml:1" in out
    code, _, err = run(*args, "--overlay", str(broken))
    assert code != 0
    assert "broken.yaml:1: negative price for input_mtok -1" in err


def test_recorded_answers_line_by_line(run: Run, tmp_path: Path) -> None:
    """One line for each, in their order, blank ones left out."""
    unknown = CASE | {"model": "gpt-9", "payload": CASE["payload"] | {"model": "gpt-9"}}
    wrong = CASE | {"payload": {"usage": {"prompt_tokens": -5, "completion_tokens": 1}}}
    file = as_file(tmp_path, CASE, "", "   ", unknown, wrong)

    code, out, _ = run("--jsonl", file)

    priced, unpriced, invalid = answers(out)
    assert code == 0
    assert priced["amount"] == "0.0065"
    assert set(priced) >= {"amount", "currency", "status", "lines", "reason"}
    assert (unpriced["amount"], unpriced["status"]) == (None, "unpriced")
    assert (invalid["amount"], invalid["status"]) == (None, "invalid")


def test_a_line_may_have_an_overlay(run: Run, tmp_path: Path) -> None:
    """For that line only, above the one of the command; any character may be in it."""
    own = [{"match": {"model": "gpt-4o*"}, "prices": {"input_mtok": 0.1}, "note": "ä 🙂 \u2028"}]
    (tmp_path / "prices.yaml").write_text(OVERLAY, encoding="utf-8")
    file = as_file(tmp_path, CASE | {"overlay": own}, CASE)

    code, out, _ = run("--jsonl", file, "--overlay", str(tmp_path / "prices.yaml"))

    assert code == 0
    assert [answer["amount"] for answer in answers(out)] == ["0.00362", "0.0047"]


UNREADABLE: list[tuple[Any, str]] = [
    ("{", "line 2: it is no JSON"),
    ("[" * 100_000, "line 2: it is no JSON"),
    ("5", "line 2: it is no JSON object"),
    (CASE | {"overlay": [{"match": {}}]}, "line 2: overlay:1: an override has either"),
    (CASE | {"overlay": [{"match": {"model": "\ud800"}}]}, "line 2: overlay:1: no YAML"),
    (CASE | {"at": "soon"}, "line 2: "),
]


@pytest.mark.parametrize(("line", "reason"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_line_that_cannot_be_read_is_said_in_its_place(
    run: Run, tmp_path: Path, line: object, reason: str
) -> None:
    """The others are priced all the same; the code tells."""
    code, out, _ = run("--jsonl", as_file(tmp_path, CASE, line, CASE))

    first, broken, last = answers(out)
    assert code == 1
    assert first == last
    assert (broken["amount"], broken["status"], broken["lines"]) == (None, "invalid", [])
    assert broken["reason"].startswith(reason)


def test_standard_input_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name -."""
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(CASE)))

    assert answers(run("--jsonl", "-")[1])[0]["amount"] == "0.0065"


def test_a_file_that_is_no_text_is_refused(run: Run, tmp_path: Path) -> None:
    """After what could be read of it."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    code, _, err = run("--jsonl", str(tmp_path / "binary"))

    assert code != 0
    assert "it is no text in UTF-8" in err
