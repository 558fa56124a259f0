"""What two names of one model may differ in, and what makes them two models."""

import pytest

from spanledger.pricing.names import fits_exactly, read_name, without_owner


def is_of(name: str, known: str, *, begun: bool = False) -> bool:
    """Whether a name is of the model that is known by another."""
    one, other = read_name(name), read_name(known, begun=begun)
    return one is not None and other is not None and one.is_of(other)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("gpt-x-2024-08-06", "gpt-x"),
        ("gpt-x-20240806", "gpt-x"),
        ("gpt-x-2024-08", "gpt-x"),
        ("gpt-x@20240806", "gpt-x"),
        ("gpt-x-0613", "gpt-x"),
        ("gpt-x-09-2025", "gpt-x"),
        ("gpt-x-05-20", "gpt-x"),
        ("gpt-x-2502", "gpt-x"),
        ("gpt-x-250115", "gpt-x"),
        ("gpt-x-002", "gpt-x"),
        ("gpt-x-latest", "gpt-x"),
        ("gpt-x", "gpt-x-latest"),
        ("gpt-x-stable", "gpt-x"),
        ("gpt-x-preview-05-20", "gpt-x"),
        ("gpt-x-exp-0827", "gpt-x"),
        ("gpt-x-preview-05-20", "gpt-x-preview"),
        ("gpt-x", "gpt-x-2024-08-06"),
        ("claude-3.5-x", "claude-3-5-x"),
        ("us.maker.x-v1:0", "maker.x"),
        ("maker.x-v1", "regional.maker.x-v1:0"),
        ("maker.x-v2:0", "maker.x-v2"),
        ("maker.x-20240806-v2:0", "maker.x-v2"),
    ],
)
def test_dates_revisions_and_places_are_harmless(name: str, known: str) -> None:
    """Each is another name of the same model."""
    assert is_of(name, known)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("gpt-x-ultra", "gpt-x"),
        ("gpt-x-2", "gpt-x"),
        ("gpt-x-14", "gpt-x"),
        ("gpt-x-405", "gpt-x"),
        ("gpt-x-70b", "gpt-x"),
        ("gpt-x-1m", "gpt-x"),
        ("gpt-x-v2", "gpt-x"),
        ("gpt-x-v3", "gpt-x-v2"),
        ("maker.x-v0:2", "maker.x-v0:1"),
        ("gpt-x-2024", "gpt-x"),
        ("gpt-x-1340", "gpt-x"),
        ("gpt-x-0631x", "gpt-x"),
        ("gpt-x-20241301", "gpt-x"),
        ("gpt-x-2024-08-06-2024-08-07", "gpt-x"),
        ("gpt-x-2024-08-06", "gpt-x-2024-05-13"),
        ("gpt-x-preview", "gpt-x"),
        ("gpt-x-exp", "gpt-x"),
        ("gpt-x", "gpt-x-preview"),
        ("gpt-x-2024-08-06", "gpt-x-preview"),
        ("gpt-x-preview-exp-0806", "gpt-x"),
        ("gpt-x-latest-latest", "gpt-x"),
        ("x-gpt", "gpt-x"),
        ("my-gpt-x", "gpt-x"),
        ("gpt-x-x", "gpt-x"),
        ("gpt-x!", "gpt-x"),
        ("gpt-x-ä", "gpt-x"),
        ("us.gpt-x", "gpt-x"),
        ("us.eu.maker.x", "maker.x"),
        ("us-gov.maker.x", "maker.x"),
        ("xx.maker.x", "maker.x"),
        ("maker/gpt-x", "gpt-x"),
    ],
)
def test_everything_else_makes_another_model(name: str, known: str) -> None:
    """Sizes, generations, kinds, another order, another place: of none is the price known."""
    assert not is_of(name, known)


@pytest.mark.parametrize(
    ("begin", "name"),
    [
        ("ft:gpt-x-2024-", "ft:gpt-x-2024-08-06"),
        ("gpt-x-2025", "gpt-x-20250514"),
        ("gpt-x-0", "gpt-x-0613"),
    ],
)
def test_a_pattern_may_end_within_a_date(begin: str, name: str) -> None:
    """What it begins is taken off; in a whole name the same digits would be part of it."""
    assert is_of(name, begin, begun=True)
    assert not is_of("gpt-x-ultra", begin, begun=True)
    assert not is_of("gpt-x", "gpt-x-0")


def test_the_users_part_of_a_fine_tuned_name_is_taken_off() -> None:
    """Today's form and the first one."""
    assert without_owner("ft:gpt-x-2024-08-06:acme:shop:a1b2") == "ft:gpt-x-2024-08-06"
    assert without_owner("davinci:ft-acme-2023") == "davinci"
    assert without_owner("gpt-x") == "gpt-x"


@pytest.mark.parametrize(
    ("glob", "fits", "fits_not"),
    [
        ("gpt-x", ["gpt-x"], ["gpt-x-2024-08-06", "gpt-xx", "agpt-x"]),
        (
            "gpt-x*",
            ["gpt-x", "gpt-x-2024-08-06", "gpt-x-latest", "gpt-x@default", "gpt-x-preview-05-20"],
            ["gpt-x-ultra", "gpt-xy", "gpt-x-2", "gpt-x-v2", "gpt-x-preview", "my-gpt-x"],
        ),
        ("gpt-x-*", ["gpt-x-0613", "gpt-x"], ["gpt-x-mini", "gpt-xx"]),
        ("gpt-x.*", ["gpt-x.1", "gpt-x.2-latest"], ["gpt-x", "gpt-x.ultra"]),
        ("*x.y*", ["us.x.y-v1:0", "x.y", "a/b/x.y", "x.y:0"], ["us-x.y", "x.y-v2:0", "us.x.yz"]),
        ("*/x-maas", ["meta/x-maas", "x-maas"], ["meta/y-x-maas", "meta/x-maas-2"]),
        ("gpt-?-*-exp-*", ["gpt-x-pro-exp-0827"], ["gpt-x-pro", "gpt-x-pro-exp-ultra"]),
        ("ft:x*", ["ft:x-2024-08-06:acme::id", "ft:x:acme"], ["ft:x-mini:acme"]),
    ],
)
def test_a_glob_of_ours_names_one_model(glob: str, fits: list[str], fits_not: list[str]) -> None:
    """At its end a star stands for a date and the like, at its begin for whole segments."""
    assert [name for name in fits if not fits_exactly(glob, name)] == []
    assert [name for name in fits_not if fits_exactly(glob, name)] == []
