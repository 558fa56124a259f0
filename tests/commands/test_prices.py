"""`spanledger prices` on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from spanledger.cli import main
from spanledger.pricing.current import adopt_list, adopted_list
from spanledger.pricing.listing import PriceList

AT = ["--at", "2026-11-01"]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a list of one provider; its overlay would be the `prices.yaml` beside it."""
    monkeypatch.chdir(tmp_path)
    data_dir = tmp_path / "data"
    adopt_list(data_dir, a_list("1"))
    return data_dir


def a_list(price: str) -> PriceList:
    """Two models, one of which got cheaper."""
    dated = [
        {"prices": {"input_mtok": "8", "output_mtok": "9"}},
        {
            "constraint": {"start_date": "2026-01-01"},
            "prices": {"input_mtok": price, "output_mtok": "2", "cache_read_mtok": "0.1"},
        },
    ]
    models: list[dict[str, Any]] = [
        {"id": "big", "match": {"equals": "big"}, "prices": dated, "context_window": 8192},
        {"id": "ear", "match": {"equals": "ear"}, "prices": {"audio_hours": "0.36"}},
    ]
    return PriceList(f"test/{price}", [{"id": "acme", "models": models}])


def run(data_dir: Path, *args: str) -> int:
    """Run the command."""
    return main(["prices", args[0], *args[1:], "--data-dir", str(data_dir)])


def test_list_shows_what_each_model_costs_now(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """S4.5: the maintained table, per provider and model, with its currency."""
    assert run(data_dir, "list", *AT) == 0
    shown = capsys.readouterr().out
    assert "acme      big        1         0.1            -       2" in shown
    assert "US dollars for a million tokens, 2 models, book test/1+" in shown

    assert run(data_dir, "list", *AT, "--model", "b*", "--json") == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["input_mtok"] == "1"
    assert line["source"].startswith("list:test/1/acme/big")


def test_the_overlay_beside_it_counts(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is shown is what a server with these settings uses."""
    Path("prices.yaml").write_text(
        "overrides:\n  - match: {model: big}\n    multiplier: '0.5'\n", encoding="utf-8"
    )

    assert run(data_dir, "list", *AT, "--model", "big", "--json") == 0

    line = json.loads(capsys.readouterr().out)
    assert line["input_mtok"] == "0.5"


def test_show_tells_rates_and_how_they_changed(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model's history can be read without reading the list."""
    assert run(data_dir, "show", "big", *AT) == 0
    shown = capsys.readouterr().out
    assert "acme big at 2026-11-01 00:00 UTC" in shown
    assert "at first              input_tokens 8  output_tokens 9" in shown
    assert "from 2026-01-01 00:00" in shown

    assert run(data_dir, "show", "big", *AT, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["rates"][0]["effective_date"] == "2026-01-01"
    assert [epoch["from"] for epoch in answer["history"]] == [None, "2026-01-01T00:00:00+00:00"]


def test_show_says_where_a_tier_has_no_rates(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list price is never shown as if it were the tier's."""
    assert run(data_dir, "show", "big", *AT, "--batch") == 0
    assert "no rates are known for batch: list price shown" in capsys.readouterr().out

    assert run(data_dir, "show", "small") == 1
    assert "no price is known for 'small'" in capsys.readouterr().err
    assert run(data_dir, "list", "--at", "yesterday") == 1
    assert "'yesterday' is no time" in capsys.readouterr().err


def test_update_shows_first_and_adopts_only_when_told(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Price upkeep: what changes is shown before it applies."""
    source = tmp_path / "data.json"
    source.write_text(json.dumps(a_list("1.5").raw), encoding="utf-8")
    update = ("update", "--from", str(source))

    assert run(data_dir, *update) == 0
    shown = capsys.readouterr().out
    assert "changed  acme/big  input_mtok 1 -> 1.5" in shown
    assert "Nothing was changed. Adopt it with: spanledger prices update --apply" in shown
    assert adopted_version(data_dir) == "test/1"

    assert run(data_dir, *update, "--apply", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["applied"] is True
    assert answer["changes"][0]["after"]["input_mtok"] == "1.5"
    assert adopted_version(data_dir) == answer["to"]

    assert run(data_dir, *update, "--apply") == 0
    assert "It is adopted" in capsys.readouterr().out
    assert run(data_dir, "diff", "--from", str(source)) == 0
    assert "There is nothing to adopt." in capsys.readouterr().out


def test_diff_with_the_installed_list_tells_what_comes_and_goes(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By default the installed package's list is the other one."""
    assert run(data_dir, "diff") == 0

    shown = capsys.readouterr().out
    assert "removed  acme/big  " in shown
    assert "added    openai/gpt-4o  input_mtok 2.5, " in shown
    assert adopted_version(data_dir) == "test/1"


def adopted_version(data_dir: Path) -> str:
    """What the directory's list calls itself."""
    adopted = adopted_list(data_dir)
    assert adopted is not None
    return adopted.version


def test_export_is_what_librechat_reads(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PEERS: one command mends stale prices; models without token prices are left out."""
    assert run(data_dir, "export", *AT) == 0

    config = yaml.safe_load(capsys.readouterr().out)
    assert config == {
        "tokenConfig": {"big": {"prompt": 1, "completion": 2, "cacheRead": 0.1, "context": 8192}}
    }

    assert run(data_dir, "export", *AT, "--format", "json") == 0
    exported = json.loads(capsys.readouterr().out)
    assert exported["models"][1] == {
        "provider": "acme",
        "model": "ear",
        "prices": {"input_audio_hours": "0.36"},
    }


def test_check_refuses_with_file_line_and_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An overlay can be tried before a server sees it."""
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("overrides:\n  - match: {model: m}\n    multiplier: 2\n", encoding="utf-8")
    assert main(["prices", "check", str(overlay)]) == 0
    assert "1 overrides, nothing to complain about" in capsys.readouterr().out

    overlay.write_text("overrides:\n  - match: {model: m}\n    prices: {inptu: 2}\n")
    assert main(["prices", "check", str(overlay)]) == 1
    assert "mine.yaml:3: unknown unit 'inptu'" in capsys.readouterr().err
