"""The book in force follows its files, and keeps what it has where they are broken."""

import gzip
import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger.errors import PriceError
from spanledger.pricing.current import (
    LIST_FILE,
    LOOK_AGAIN_NS,
    CurrentBook,
    adopt_list,
    adopted_list,
    read_list,
)
from spanledger.pricing.listing import PriceList, installed_list

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def a_list(price: str = "1", version: str = "test/1") -> PriceList:
    """One provider with one model."""
    model: dict[str, Any] = {
        "id": "m1",
        "match": {"equals": "m1"},
        "prices": {"input_mtok": price, "output_mtok": "2"},
    }
    return PriceList(version, [{"id": "acme", "models": [model]}])


def an_overlay(price: str) -> str:
    """Another price for the input of that model."""
    return f'overrides:\n  - match: {{model: m1}}\n    prices: {{input_mtok: "{price}"}}\n'


class Clock:
    """Moved by hand."""

    now = 0

    def __call__(self) -> int:
        """In nanoseconds."""
        return self.now

    def pass_time(self) -> None:
        """As long as files are not looked at again."""
        self.now += LOOK_AGAIN_NS


def input_price(book: CurrentBook) -> Decimal:
    """What a million input tokens cost now."""
    rates = book().rates("acme", "m1", NOVEMBER)
    assert rates is not None
    return next(rate.price.base for rate in rates.rates if rate.unit == "input_tokens")


def test_the_installed_list_is_adopted_once_and_then_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An upgrade of genai-prices alone moves no price: the adopted list is in the directory."""
    first = CurrentBook(tmp_path, tmp_path / "prices.yaml")()

    adopted = adopted_list(tmp_path)
    assert adopted is not None
    assert adopted.version == installed_list().version
    assert first.prices.version == installed_list().version

    assert "prices diff" not in caplog.text
    adopt_list(tmp_path, a_list())
    assert CurrentBook(tmp_path, tmp_path / "prices.yaml")().prices.version == "test/1"
    assert "would change is shown by 'spanledger prices diff'" in caplog.text


def test_a_changed_overlay_and_a_changed_list_count_from_the_next_look(tmp_path: Path) -> None:
    """Nobody has to restart the server for a price."""
    adopt_list(tmp_path, a_list("1"))
    overlay, clock = tmp_path / "prices.yaml", Clock()
    book = CurrentBook(tmp_path, overlay, clock)
    before = book().version
    assert input_price(book) == 1

    overlay.write_text(an_overlay("0.5"))
    assert input_price(book) == 1  # not looked yet
    clock.pass_time()
    assert input_price(book) == Decimal("0.5")
    assert book().version != before

    overlay.unlink()
    adopt_list(tmp_path, a_list("3"))
    clock.pass_time()
    assert input_price(book) == 3


def test_a_broken_overlay_is_refused_with_its_line_and_the_running_book_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Done when: a broken overlay is refused with file, line and reason, and the book stays."""
    adopt_list(tmp_path, a_list())
    overlay, clock = tmp_path / "prices.yaml", Clock()
    overlay.write_text(an_overlay("0.5"))
    book = CurrentBook(tmp_path, overlay, clock)

    overlay.write_text(an_overlay("-1"))
    clock.pass_time()
    with caplog.at_level(logging.ERROR):
        assert input_price(book) == Decimal("0.5")
    assert "prices.yaml:3: negative price for input_mtok -1" in caplog.text
    caplog.clear()
    clock.pass_time()
    assert input_price(book) == Decimal("0.5")
    assert caplog.text == ""  # told once

    overlay.write_text(an_overlay("0.7"))
    clock.pass_time()
    assert input_price(book) == Decimal("0.7")


def test_an_overlay_that_is_just_being_written_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An editor empties the file before it fills it: prices do not fall back in between."""
    adopt_list(tmp_path, a_list())
    overlay, clock = tmp_path / "prices.yaml", Clock()
    overlay.write_text(an_overlay("0.5"))
    book = CurrentBook(tmp_path, overlay, clock)

    overlay.write_text("")
    clock.pass_time()
    assert input_price(book) == Decimal("0.5")
    assert "it is empty: delete it" in caplog.text


def test_a_server_does_not_start_with_a_broken_overlay(tmp_path: Path) -> None:
    """There is no book yet that could stay."""
    overlay = tmp_path / "prices.yaml"
    overlay.write_text("overrides: 3\n")

    with pytest.raises(PriceError, match=r"prices\.yaml:1: a list is expected here"):
        CurrentBook(tmp_path, overlay)


def test_lists_are_read_as_genai_prices_writes_them_and_as_we_do(tmp_path: Path) -> None:
    """`prices update --from` takes genai-prices' data.json, plain or compressed."""
    raw = json.dumps(a_list().raw).encode()
    plain, packed = tmp_path / "data.json", tmp_path / "data.json.gz"
    plain.write_bytes(raw)
    packed.write_bytes(gzip.compress(raw))
    adopt_list(tmp_path, a_list())

    assert read_list(plain).version == read_list(packed).version
    assert read_list(plain).version.startswith("genai-prices/")
    assert read_list(tmp_path / LIST_FILE).version == "test/1"
    assert [model.id for _, model in read_list(packed).models()] == ["m1"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"nothing", "it is no JSON"),
        (b"\x1f\x8b broken", "cannot be read|it is no JSON"),
        (b"{}", "a price list is a list of providers"),
        (b"[1]", "has not the format of genai-prices' data.json"),
        (b'[{"id": "a"}]', "has not the format"),
    ],
)
def test_what_is_no_list_is_refused_by_its_name(tmp_path: Path, content: bytes, says: str) -> None:
    """A list that cannot be used is never adopted."""
    path = tmp_path / "list.json"
    path.write_bytes(content)

    with pytest.raises(PriceError, match=rf"list\.json: .*({says})"):
        read_list(path)


def test_files_that_cannot_be_reached_are_named(tmp_path: Path) -> None:
    """The sentence says which file, or which directory."""
    with pytest.raises(PriceError, match=r"none\.json: cannot be read: No such file"):
        read_list(tmp_path / "none.json")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(PriceError, match="cannot write the price list to"):
        adopt_list(blocked, a_list())
    assert adopted_list(tmp_path) is None
