from .conftest import Server


def test_a_month_is_closed_and_opened_again(server: Server) -> None:
    """Closing keeps repricings out until the month is opened; all acts are listed."""
    closed = server.send("POST", "/v1/periods", role="admin", json={"month": "2026-11"})
    wanted = {"start_time": "2026-11-30", "end_time": "2026-12-02"}
    refused = server.send("POST", "/v1/reprice", role="admin", json=wanted)
    opened = server.send(
        "POST", "/v1/periods", role="admin", json={"month": "2026-11", "closed": False}
    )
    allowed = server.send("POST", "/v1/reprice", role="admin", json=wanted)

    assert closed.json() == {
        "object": "period",
        "month": "2026-11",
        "closed": True,
        "made_at": "2026-11-20T12:30:00.000000Z",
        "made_by": "admin key from settings",
    }
    assert (refused.status_code, allowed.status_code) == (409, 200)
    assert "closed: 2026-11" in refused.json()["error"]["message"]
    assert server.get("/v1/periods").json()["data"] == [closed.json(), opened.json()]


def test_what_is_no_month_is_refused(server: Server) -> None:
    """A missing month and one that is none get a sentence each; so does closing twice."""

    def refusal(**body: object) -> tuple[int, str]:
        answer = server.send("POST", "/v1/periods", role="admin", json=body)
        return answer.status_code, answer.json()["error"]["message"]

    assert refusal() == (422, "month is missing: say which, for instance 2026-10.")
    assert refusal(month="10/26") == (422, "'10/26' is no month: write it like 2026-10")
    assert refusal(month="2026-10", closed=False) == (409, "the period 2026-10 is not closed")
