"""What an overlay says, and all that it cannot mean."""

import json
import random
from contextlib import suppress
from datetime import UTC, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.errors import PriceError
from spanledger.pricing.book import LAYERS, shipped_overlays
from spanledger.pricing.overlay import load_overlay, read_overlay
from spanledger.pricing.statement import Period, Price, Statement

M = "match: {model: m}"
P = 'prices: {input_mtok: "1"}'


def overlay(*entries: str) -> str:
    """A file of overrides, each with its fields by line."""
    fields = ("\n    ".join(entry.split("; ")) for entry in entries)
    return "overrides:\n" + "".join(f"  - {one}\n" for one in fields)


def only(text: str) -> Statement:
    """What the only override of a file states."""
    (statement,) = read_overlay(text, "o.yaml").statements({"provider": ("p",), "model": ("m",)})
    return statement


def test_an_override_is_read_whole() -> None:
    """Prices exactly as they are written, whether YAML takes them for floats or texts."""
    text = """
overrides:
  - match: {provider: "p", model: "m*"}
    from: 2026-01-01
    to: 2026-07-01T12:30:00.000001+02:00
    weekdays: [mon, Friday]
    hours: "22:00-06:30"
    prices:
      input_mtok: 0.1000000000001e1
      output_mtok: {base: "8", tiers: [{start: 200, price: 9}, {start: 300, price: 10}]}
      cache_read_mtok: null
    note: a note
    source: a contract
"""
    assert only(text) == Statement(
        source="overlay:o.yaml:3",
        period=Period(
            start=datetime(2026, 1, 1, tzinfo=UTC),
            end=datetime(2026, 7, 1, 10, 30, 0, 1, tzinfo=UTC),
            weekdays=frozenset({0, 4}),
            hours=(time(22), time(6, 30)),
        ),
        prices={
            "input_tokens": Price(Decimal("1.000000000001")),
            "output_tokens": Price(Decimal(8), ((200, Decimal(9)), (300, Decimal(10)))),
            "cache_read_tokens": None,
        },
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("# nothing", 0), ("overrides:", 0), ("overrides: []", 0), ("{}", 0)],
)
def test_an_empty_overlay_states_nothing(text: str, count: int) -> None:
    """It is none that is broken."""
    assert len(read_overlay(text, "o.yaml")) == count


def test_json_is_an_overlay_too() -> None:
    """A line of recorded answers has one."""
    text = json.dumps({"overrides": [{"match": {"model": "m"}, "multiplier": 0.5}]})

    assert only(text).multiplier == Decimal("0.5")
    assert only(text).prices == {}


WRONG: list[tuple[str, int, str]] = [
    ("[]", 1, "a mapping of names to values is expected here"),
    ("a: b", 1, "unknown key 'a': an overlay has `overrides`"),
    ("overrides: 5", 1, "a list is expected here"),
    ("overrides: {}", 1, "a list is expected here"),
    ("overrides:\n  - 5", 2, "a mapping of names to values is expected here"),
    ("overrides: []\noverrides: []", 2, "'overrides' is said twice"),
    ("? [a]\n: b", 1, "a plain value is expected here"),
    (overlay(P), 2, "an override says in `match` for whom it is"),
    (overlay(f"{M}"), 2, "an override has either `prices` or a `multiplier`"),
    (overlay(f"{M}; {P}; multiplier: 1"), 2, "an override has either `prices` or a `multiplier`"),
    (overlay(f"{M}; {P}; model: gpt"), 4, "unknown key 'model': use from, hours, match"),
    (overlay(f"match: gpt; {P}"), 2, "a mapping of names to values is expected here"),
    (overlay(f"match: {{model: []}}; {P}"), 2, "an empty list matches nothing"),
    (overlay(f"match: {{model: {{a: b}}}}; {P}"), 2, "a plain value is expected here"),
    (overlay(f"match: {{model: [[m]]}}; {P}"), 2, "a plain value is expected here"),
    (overlay(f"match: {{model: m, model: n}}; {P}"), 2, "'model' is said twice"),
    (overlay(f"match: {{batch: yes}}; {P}"), 2, "`batch` is true or false, or is left out"),
    (overlay(f"{M}; prices: 5"), 3, "a mapping of names to values is expected here"),
    (overlay(f"{M}; prices: {{}}"), 3, "`prices` names no price"),
    (overlay(f"{M}; prices: {{input: 1}}"), 3, "unknown unit 'input': use input_mtok"),
    (overlay(f"{M}; prices:;   input_mtok: -1"), 4, "negative price for input_mtok -1"),
    (overlay(f"{M}; prices: {{input_mtok: -0.0}}"), 3, "negative price for input_mtok -0.0"),
    (overlay(f"{M}; prices: {{input_mtok: .nan}}"), 3, "price for input_mtok is '.nan', not a"),
    (
        overlay(f"{M}; prices: {{input_mtok: NaN}}"),
        3,
        "price for input_mtok is 'NaN', not a number",
    ),
    (overlay(f"{M}; prices: {{input_mtok: Infinity}}"), 3, "'Infinity', not a number"),
    (overlay(f"{M}; prices: {{input_mtok: '1,5'}}"), 3, "'1,5', not a number"),
    (overlay(f"{M}; prices: {{input_mtok: 'null'}}"), 3, "'null', not a number"),
    (overlay(f"{M}; prices: {{input_mtok: 0x10}}"), 3, "'0x10', not a number"),
    (overlay(f"{M}; prices: {{input_mtok: [1]}}"), 3, "a mapping of names to values is expected"),
    (overlay(f"{M}; prices: {{input_mtok: 1000000.1}}"), 3, "1000000.1 is beyond 1000000"),
    (overlay(f"{M}; prices: {{input_mtok: 1e-13}}"), 3, "has more than 12 decimal places"),
    (overlay(f"{M}; multiplier: 1000.1"), 3, "multiplier 1000.1 is beyond 1000"),
    (overlay(f"{M}; multiplier: -1"), 3, "negative multiplier -1"),
    (overlay(f"{M}; multiplier: ~"), 3, "multiplier is '~', not a number"),
    (overlay(f"{M}; prices: {{input_mtok: {{base: 1}}}}"), 3, "by size has `base` and `tiers`"),
    (overlay(f"{M}; prices: {{input_mtok: {{base: 1, tiers: []}}}}"), 3, "has no tiers"),
    (overlay(f"{M}; prices: {{input_mtok: {{base: 1, tiers: 5}}}}"), 3, "a list is expected here"),
    (
        overlay(f"{M}; prices: {{input_mtok: {{base: 1, tiers: [{{start: 1}}]}}}}"),
        3,
        "a tier has `start` and `price`",
    ),
    (
        overlay(f"{M}; prices: {{input_mtok: {{base: 1, tiers: [{{start: -1, price: 1}}]}}}}"),
        3,
        "tiers start at rising numbers of tokens, not -1",
    ),
    (
        overlay(
            f"{M}; prices: {{input_mtok: {{base: 1, tiers: "
            "[{start: 2, price: 1}, {start: 2, price: 1}]}}"
        ),
        3,
        "tiers start at rising numbers of tokens, not 2",
    ),
    (
        overlay(f"{M}; prices: {{input_mtok: {{base: 1, tiers: [{{start: 1, price: -2}}]}}}}"),
        3,
        "negative price for input_mtok -2",
    ),
    (
        overlay(f"{M}; prices: {{input_mtok: {{base: -3, tiers: [{{start: 1, price: 2}}]}}}}"),
        3,
        "negative price for input_mtok -3",
    ),
    (overlay(f"{M}; {P}; from: soon"), 4, "'soon' is neither a date nor an RFC 3339 time"),
    (overlay(f"{M}; {P}; from: 2026-02-30"), 4, "'2026-02-30' is neither a date nor"),
    (overlay(f"{M}; {P}; from: 2026-01-01T25:00Z"), 4, "is neither a date nor an RFC 3339 time"),
    (overlay(f"{M}; {P}; from: 2026-01-01T00:00"), 4, "the time 2026-01-01T00:00 has no zone"),
    (overlay(f"{M}; {P}; from: 0001-01-01T00:00+23:59"), 4, "is neither a date nor"),
    (overlay(f"{M}; {P}; from: [2026]"), 4, "a plain value is expected here"),
    (
        overlay(f"{M}; {P}; from: 2026-02-01; to: 2026-01-01"),
        2,
        "it ends (2026-01-01T00:00:00+00:00) before it starts",
    ),
    (overlay(f"{M}; {P}; from: 2026-02-01; to: 2026-02-01"), 2, "before it starts"),
    (overlay(f"{M}; {P}; hours: 22-06"), 4, "hours are written as \"16:30-00:30\", not '22-06'"),
    (overlay(f"{M}; {P}; hours: 24:00-06:00"), 4, "hours are written as"),
    (overlay(f"{M}; {P}; hours: 06:00-24:01"), 4, "hours are written as"),
    (overlay(f"{M}; {P}; hours: 06:60-07:00"), 4, "hours are written as"),
    (overlay(f"{M}; {P}; hours: 06:00-06:00"), 4, "the hours 06:00-06:00 are none, or all"),
    (overlay(f"{M}; {P}; hours: 00:00-24:00"), 4, "are none, or all"),
    (overlay(f"{M}; {P}; weekdays: mon"), 4, "a list is expected here"),
    (overlay(f"{M}; {P}; weekdays: [monkey]"), 4, "'monkey' is no day of the week"),
    (overlay(f"{M}; {P}; weekdays: [mo]"), 4, "'mo' is no day of the week"),
    (overlay(f"{M}; {P}; weekdays: []"), 4, "`weekdays` names no day"),
    (
        overlay(f"{M}; {P}", f"{M}; multiplier: 2"),
        4,
        "the same match and time as in line 2: one must go",
    ),
    (
        overlay(
            f"match: {{model: [a, B], region: us}}; {P}; from: 2026-01-01; weekdays: [mon, tue]",
            f"match: {{region: [US], model: [b, a]}}; {P}; from: 2026-01-01T00:00Z; "
            "weekdays: [tuesday, mon]",
        ),
        6,
        "the same match and time as in line 2: one must go",
    ),
    ("overrides: [", 2, "no YAML: did not find expected node content"),
    ("a: b\n c: d\n- e", 2, "no YAML: mapping values are not allowed in this context"),
    ("a:\n\tb: c", 2, "no YAML: found character that cannot start any token"),
    ("overrides: *base", 1, "no YAML: found undefined alias"),
    ("--- a\n--- b", 2, "no YAML: but found another document"),
    ("overrides: &a [*a]", 1, "a mapping of names to values is expected here"),
    (overlay(f"match: &m {{model: *m}}; {P}"), 2, "a plain value is expected here"),
    ("<<: {a: b}", 1, "unknown key '<<'"),
    ("a\n\x00b", 2, "no YAML: control characters are not allowed"),
    ("a\n\ud800b", 2, "no YAML: half of a character"),
    ("[" * 500_000, 1, "nested too deeply"),
    ('{"a":' * 500_000, 1, "nested too deeply"),
    ("\n" + "- " * 500_000, 2, "nested too deeply"),
    ("!!python/object/apply:os.system [ls]", 1, "a mapping of names to values is expected here"),
]


@pytest.mark.parametrize(("text", "line", "reason"), WRONG, ids=[w[2][:40] for w in WRONG])
def test_what_it_cannot_mean_is_refused_with_file_line_and_reason(
    text: str, line: int, reason: str
) -> None:
    """Bad input: every kind of mistake is told where it is."""
    with pytest.raises(PriceError) as refused:
        read_overlay(text, "prices.yaml")

    assert str(refused.value).startswith(f"prices.yaml:{line}: ")
    assert reason in str(refused.value)


def test_a_billion_laughs_cost_nothing() -> None:
    """Aliases are nodes that are shared; none of what may hold them is unfolded."""
    laughs = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    notes = "\n".join(f"      {line}" for line in laughs)

    assert only(f"overrides:\n  - {M}\n    {P}\n    note:\n{notes}\n").prices
    with pytest.raises(PriceError, match="a plain value is expected here"):
        read_overlay(f"overrides:\n  - {P}\n    match:\n{notes}\n", "o.yaml")


@pytest.mark.parametrize(
    "differs",
    [
        "from: 2026-01-01",
        "to: 2026-01-01",
        "hours: 22:00-06:00",
        "weekdays: [mon]",
    ],
)
def test_another_time_is_no_duplicate(differs: str) -> None:
    """Nor is another match."""
    assert len(read_overlay(overlay(f"{M}; {P}", f"{M}; {P}; {differs}"), "o.yaml")) == 2
    other = f"match: {{model: m, region: us}}; {P}"
    assert len(read_overlay(overlay(f"{M}; {P}", other), "o.yaml")) == 2


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("0", "0"),
        ("0e999999", "0"),
        ('" 1.50 "', "1.50"),
        ("1_000", "1000"),
        ("1000000", "1000000"),
        ("0.000000000001", "0.000000000001"),
        (".5", "0.5"),
        ("+1e3", "1e3"),
    ],
)
def test_numbers_are_what_is_written(written: str, price: str) -> None:
    """Not what a float would make of them."""
    stated = only(overlay(f"{M}; prices: {{input_mtok: {written}}}")).prices["input_tokens"]

    assert stated is not None
    assert stated.base == Decimal(price)
    assert str(stated.base) == str(Decimal(price))


def test_hours_end_at_24_and_days_have_long_names() -> None:
    """24:00 is midnight at the end of the day."""
    period = only(overlay(f"{M}; {P}; hours: 16:30 - 24:00; weekdays: [Sunday, SAT]")).period

    assert period.hours == (time(16, 30), time(0))
    assert period.weekdays == {5, 6}


def test_all_that_fit_are_stated_in_the_order_of_the_file() -> None:
    """The schedule takes the last of them that holds."""
    file = read_overlay(
        overlay(
            "match: {provider: [p, q], model: m}; multiplier: 1",
            "match: {}; multiplier: 2",
            "match: {provider: r}; multiplier: 3",
            "match: {provider: '[pq]'}; multiplier: 4",
            "match: {provider: P, model: [n, 'M*']}; multiplier: 5",
            "match: {model: m, region: 'us-*'}; multiplier: 6",
            "match: {model: m, region: ''}; multiplier: 7",
            "match: {provider: p-other}; multiplier: 8",
        ),
        "o.yaml",
    )

    def factors(**words: tuple[str, ...]) -> list[int]:
        return [int(one.multiplier or 0) for one in file.statements(words)]

    assert factors(provider=("p",), model=("m",)) == [1, 2, 4, 5, 7]
    assert factors(provider=("q",), model=("m-x", "x")) == [2, 4]
    assert factors(provider=("listed", "r"), model=("m",), region=("us-east-1",)) == [2, 3, 6]
    assert factors(provider=("p-other",), model=("x",)) == [2, 8]
    conditions = [one.conditions for one in file.statements({"provider": ("z",), "model": ("m",)})]
    assert conditions == [{}, {"region": ""}]


def test_conditions_are_kept() -> None:
    """A tier that is stated for is one that is known."""
    text = overlay("match: {model: m, batch: true, service_tier: [flex, Slow]}; multiplier: 1")
    words = {"provider": ("p",), "model": ("m",), "batch": ("true",), "service_tier": ("slow",)}
    (stated,) = read_overlay(text, "o.yaml").statements(words)

    assert stated.conditions == {"batch": "true", "service_tier": "flex, slow"}
    assert read_overlay(text, "o.yaml").statements(words | {"batch": ("",)}) == ()


def test_exactly_is_for_prices_not_for_multipliers() -> None:
    """A name that merely begins like a model of ours gets none of its prices."""
    file = read_overlay(
        overlay(
            "match: {model: ['m*', y]}; multiplier: 1",
            f"match: {{model: 'm*'}}; {P}",
            f"match: {{model: ['x', 'm*'], region: ''}}; {P}",
            f"match: {{provider: p}}; {P}",
        ),
        "o.yaml",
    )

    def lines(model: str, *, exactly: bool) -> list[str]:
        words = {"provider": ("p",), "model": (model,)}
        return [one.source[-1] for one in file.statements(words, exactly=exactly)]

    assert lines("m-ultra", exactly=False) == ["2", "4", "6", "8"]
    assert lines("m-ultra", exactly=True) == ["2"]
    assert lines("m-0613", exactly=True) == ["2", "4", "6"]


@given(
    glob=st.text("ab*?-", max_size=6),
    name=st.text("ab-", max_size=6),
    other=st.text("ab", max_size=3),
)
def test_patterns_are_those_of_file_names(glob: str, name: str, other: str) -> None:
    """Compared with fnmatch, alone and in a list."""
    match = json.dumps({"model": [other, glob]})
    file = read_overlay(overlay(f"match: {match}; {P}"), "o.yaml")
    fits = bool(file.statements({"provider": ("p",), "model": (name,)}))

    assert fits is (fnmatchcase(name, glob) or name == other)


def test_files_are_read_and_refused(tmp_path: Path) -> None:
    """By their name, or by their path where they cannot be read at all."""
    good, binary, broken = (tmp_path / name for name in ("good.yaml", "binary", "broken.yaml"))
    good.write_text(overlay(f"{M}; {P}"))
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\xff\x00")
    broken.write_text("overrides: [")

    assert load_overlay(good).name == "good.yaml"
    assert load_overlay(good).text == good.read_text()
    with pytest.raises(PriceError, match="binary: it is no text in UTF-8"):
        load_overlay(binary)
    with pytest.raises(PriceError, match=r"none\.yaml: cannot be read: No such file"):
        load_overlay(tmp_path / "none.yaml")
    with pytest.raises(PriceError, match="cannot be read: Is a directory"):
        load_overlay(tmp_path)
    with pytest.raises(PriceError, match=r"^broken\.yaml:2: no YAML"):
        load_overlay(broken)


@given(st.text() | st.text(alphabet="[]{}:,-*&!|>'\"\n ?#%@~<=a1"))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but `PriceError` ever comes out."""
    try:
        read_overlay(text, "o.yaml")
    except PriceError as error:
        where = str(error)
    else:
        return
    assert where.startswith("o.yaml:")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = ["match", "from", "to", "weekdays", "hours", "prices", "multiplier", "note"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"match": st.dictionaries(st.sampled_from(["model", "provider", "x"]), json_values)},
            optional=dict.fromkeys(FIELDS[1:], json_values)
            | {"prices": st.dictionaries(st.sampled_from(["input_mtok", "y"]), json_values)},
        ),
        max_size=3,
    )
)
def test_anything_in_the_shape_of_an_overlay_is_read_or_refused(entries: Any) -> None:
    """The fields hold what nobody would write."""
    try:
        file = read_overlay(json.dumps({"overrides": entries}), "o.yaml")
    except PriceError:
        return
    file.statements({"provider": ("p",), "model": ("m",)}, exactly=True)


def test_bytes_that_are_broken_anywhere_are_read_or_refused() -> None:
    """A good file with a few characters changed, a thousand times."""
    good = overlay(
        f"{M}; from: 2026-01-01; to: 2026-02-01T00:00Z; hours: 22:00-06:00; weekdays: [mon]; {P}",
        "match: {provider: [a, 'b*']}; "
        "prices: {input_mtok: {base: 1, tiers: [{start: 1, price: 2}]}}",
    )
    luck = random.Random(7)  # noqa: S311 - the same each time
    for _ in range(1000):
        text = list(good)
        for _ in range(luck.randint(1, 3)):
            text[luck.randrange(len(text))] = luck.choice("[]{}:,-*&'\"\n 0a9\t#")
        with suppress(PriceError):
            read_overlay("".join(text), "o.yaml")


def test_the_maintained_overlay_is_whole() -> None:
    """Every file of it belongs to a layer, and states something."""
    layers = shipped_overlays()

    assert set(layers) == set(LAYERS)
    assert all(len(file) for files in layers.values() for file in files)
    assert {file.name for file in layers["uplifts"]} >= {"spanledger/openai.uplifts"}
