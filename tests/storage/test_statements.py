from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.statements import calls_statement, costs_statement, micros

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def statements(text: str) -> list[str]:
    """Each kind of statement, with `text` wherever a caller may put one."""
    where = Selection(
        project=text,
        start=NOON,
        end=NOON + timedelta(1),
        trace_id=text,
        span_id=text,
        filters={"user": (text, ""), f"tag:{text}": (text,)},
    )
    query = CostQuery(
        where=where,
        edges=(NOON, NOON + timedelta(1)),
        group_by=(f"tag:{text}", "model"),
        order_by=f"tag:{text}",
    )
    return [
        costs_statement(query).text,
        calls_statement(where, limit=5, after=(NOON, text, text)).text,
    ]


@given(text=st.text(min_size=1))
def test_no_text_of_a_caller_becomes_sql(text: str) -> None:
    """Whatever a caller writes, the SQL is the same: it travels as parameters alone."""
    assert statements(text) == statements("harmless")


def test_every_read_counts_once() -> None:
    """Every statement reads with FINAL, so that twins which have not been merged count once."""
    assert [text.count("FROM spanledger.calls FINAL") for text in statements("x")] == [1, 1]


def test_parameters_are_those_of_the_text() -> None:
    """Each parameter stands in the text, and the text names no other."""
    statement = costs_statement(
        CostQuery(where=Selection(project="shop", filters={"team": ("a", "b")}), limit=3, offset=2)
    )

    assert statement.parameters == {"p0": "shop", "p1": ["a", "b"], "p2": 4, "p3": 2}
    assert all(f"{{{name}:" in statement.text for name in statement.parameters)


@given(
    instant=st.datetimes(timezones=st.just(UTC)),
)
def test_microseconds_are_exact(instant: datetime) -> None:
    """An instant becomes whole microseconds without loss, in any year."""
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros(instant)) == instant
