from .conftest import MakeRow, Server


def test_models_without_a_price(server: Server, make_row: MakeRow) -> None:
    """Who lacks a price, how much it is used and since when; a caller sees their project alone."""
    server.store.write(
        [
            make_row(1),
            make_row(2, None, request_model="acme-1"),
            make_row(3, None, request_model="acme-2", provider=""),
            make_row(4, None, request_model="acme-2", provider=""),
            make_row(5, None, request_model="theirs", project="other"),
        ]
    )

    data = server.get("/v1/prices/unpriced").json()["data"]

    assert data[0] == {
        "object": "unpriced_model",
        "provider": None,
        "model": "acme-2",
        "reason": "no price is known",
        "calls": 2,
        "input_tokens": 200,
        "output_tokens": 20,
        "first_seen": "2026-11-20T12:30:00.000000Z",
        "last_seen": "2026-11-20T12:30:00.000000Z",
    }
    assert [model["model"] for model in data] == ["acme-2", "acme-1"]
    assert len(server.get("/v1/prices/unpriced?limit=1").json()["data"]) == 1
    assert server.get("/v1/prices/unpriced?start_time=2026-11-21").json()["data"] == []
