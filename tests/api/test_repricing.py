from dataclasses import replace
from decimal import Decimal

from spanledger.pricing.cost import Cost
from spanledger.pricing.engine import price
from spanledger.storage.row import CostRow

from .conftest import BOOK, MakeRow, Server

NOVEMBER = {"start_time": "2026-11-01", "end_time": "2026-12-01"}


def stored(server: Server, make_row: MakeRow) -> list[CostRow]:
    """Two calls that another book priced, one of another project."""
    cost = Cost(status="priced", amount=Decimal(7), lines=(), book_version="old/1")
    rows = [
        replace(make_row(n, project=name), cost=cost) for n, name in enumerate(["default", "b"])
    ]
    server.store.write(rows)
    return rows


def test_a_trial_then_the_real_thing_then_back(server: Server, make_row: MakeRow) -> None:
    """By default nothing changes; applied, it is listed and can be undone, in its project alone."""
    (row, other) = stored(server, make_row)
    trial = server.send("POST", "/v1/reprice", role="admin", json=NOVEMBER).json()
    assert (trial["id"], trial["state"], trial["changed_calls"]) == (None, "trial", 1)
    assert server.get("/v1/reprice", role="admin").json()["data"] == []

    wanted = {**NOVEMBER, "dry_run": False, "models": ["gpt-4o"]}
    done = server.send("POST", "/v1/reprice", role="admin", json=wanted).json()
    call = f"/v1/calls/{row.call.call_id}"
    expected = price(row.call, BOOK)
    assert isinstance(expected, Cost)
    assert done["differences"][0]["amount_before"]["value"] == "7"
    assert (done["state"], done["made_by"]) == ("applied", "admin key from settings")
    assert Decimal(server.get(call).json()["amount"]["value"]) == expected.amount
    assert server.get("/v1/reprice", role="admin").json()["data"] == [done]
    assert server.get("/v1/reprice/verify", role="admin").json()["equal_calls"] == 1

    undone = server.send("POST", f"/v1/reprice/{done['id']}/undo", role="admin").json()
    assert (undone["state"], server.get(call).json()["amount"]["value"]) == ("undone", "7")
    assert server.store.stored([other.call])[other.call.identity] == other
    again = server.send("POST", f"/v1/reprice/{done['id']}/undo", role="admin")
    assert (again.status_code, again.json()["error"]["type"]) == (409, "conflict")
    resumed = server.send("POST", f"/v1/reprice/{done['id']}/resume", role="admin")
    assert resumed.status_code == 409


def test_the_same_in_the_query(server: Server, make_row: MakeRow) -> None:
    """What can be said in the body can be said in the address."""
    stored(server, make_row)
    path = "/v1/reprice?start_time=2026-11-01&end_time=2026-12-01&models=gpt-4o&models=other"
    trial = server.send("POST", path, role="admin")

    assert (trial.json()["calls"], trial.json()["models"]) == (1, ["gpt-4o", "other"])


def test_only_admins_reprice(server: Server) -> None:
    """A viewer sees costs and closed periods; what changes them is for admins."""
    for method, path in (
        ("GET", "/v1/reprice"),
        ("POST", "/v1/reprice"),
        ("GET", "/v1/reprice/verify"),
        ("POST", "/v1/reprice/rp_1/undo"),
        ("POST", "/v1/reprice/rp_1/resume"),
        ("POST", "/v1/periods"),
    ):
        assert server.send(method, path, role="viewer").status_code == 403, path
    assert server.get("/v1/periods").status_code == 200


def test_what_is_missing_or_unknown_is_said(server: Server) -> None:
    """A range without an end, a misspelt parameter, an id that nobody gave: one sentence each."""

    def refusal(path: str, **body: object) -> tuple[int, str]:
        answer = server.send("POST", path, role="admin", json=body)
        return answer.status_code, answer.json()["error"]["message"]

    assert refusal("/v1/reprice", start_time="2026-11-01") == (
        422,
        "end_time is missing: say which time is meant.",
    )
    status, message = refusal("/v1/reprice", **NOVEMBER, dryrun=False)
    assert (status, "did you mean dry_run?" in message) == (422, True)
    status, message = refusal("/v1/reprice", **NOVEMBER, dry_run="no")
    assert (status, "use one of true, false" in message) == (422, True)
    status, message = refusal("/v1/reprice", start_time="2026-12-01", end_time="2026-11-01")
    assert (status, message.startswith("the range starts at")) == (422, True)
    assert refusal("/v1/reprice/rp_9/undo") == (404, "There is no repricing 'rp_9'.")
