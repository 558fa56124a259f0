"""A finding says how things stand, and what to do only where there is something to do."""

from spanledger.doctor.finding import attention, fine, note, plural


def test_standings() -> None:
    """In order, worth knowing, or in need of somebody."""
    assert fine("a.b", "Good.", size=1).standing == "ok"
    assert fine("a.b", "Good.", size=1).facts == {"size": 1}
    assert note("a.b", "So.", "Do.").advice == "Do."
    assert attention("a.b", "Bad.", "Mend.").standing == "attention"


def test_plural() -> None:
    """Counts read as a person writes them."""
    assert [plural(count, "span") for count in (0, 1, 2, 1200)] == [
        "0 spans",
        "1 span",
        "2 spans",
        "1,200 spans",
    ]
