from datetime import timedelta

from spanledger.pricing.cost import Unpriced
from spanledger.storage.protocol import Store
from spanledger.storage.row import CostRow
from spanledger.storage.unpriced import UnpricedModel, unpriced_models
from spanledger.usage import Usage
from tests.storage.priced import NOON, a_call, fresh


def test_models_without_a_price(store: Store, project: str) -> None:
    """Each with its calls, tokens, first and last sight and the reason; those used most first."""
    hour = timedelta(hours=1)
    calls = [
        a_call(
            project,
            request_model=model,
            start_time=NOON + n * hour,
            usage=Usage(input_tokens=10, output_tokens=n),
        )
        for n, model in enumerate(["acme-1", "acme-2", "acme-1", "acme-1"])
    ]
    bad = CostRow(a_call(project, request_model="bad"), Unpriced("impossible", "invalid"), NOON)
    store.write([*(CostRow(call, Unpriced("no price"), NOON) for call in calls), bad])
    store.write([fresh(a_call(project))])

    def model(name: str, calls: int, output: int, first: int, last: int) -> UnpricedModel:
        return UnpricedModel(
            provider="openai",
            model=name,
            reason="no price",
            calls=calls,
            input_tokens=10 * calls,
            output_tokens=output,
            first_seen=NOON + first * hour,
            last_seen=NOON + last * hour,
        )

    assert unpriced_models(store, project) == (
        model("acme-1", 3, 5, 0, 3),
        model("acme-2", 1, 1, 1, 1),
    )
    assert unpriced_models(store, project, limit=1) == (model("acme-1", 3, 5, 0, 3),)
    assert unpriced_models(store, project, start=NOON + hour, end=NOON + 3 * hour) == (
        model("acme-1", 1, 2, 2, 2),
        model("acme-2", 1, 1, 1, 1),
    )
