"""Adding up what a repricing changes, model by model."""

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import Final

from spanledger.pricing.cost import Cost
from spanledger.storage.history import Difference
from spanledger.storage.row import CostRow

__all__ = ["Tally"]

MODELS_MAX: Final = 1_000
"""Model names come from outside; beyond this many they are added up as one, without a name."""

VERSIONS_MAX: Final = 100
"""Versions of price books that are named."""

_SUMS: Final = Context(prec=76, traps=[Inexact])
"""Twice the digits of `Decimal(38, 12)`: nothing is rounded."""


@dataclass(slots=True)
class _Sums:
    calls: int = 0
    changed_calls: int = 0
    amount_before: Decimal | None = None
    amount_after: Decimal | None = None
    newly_priced_calls: int = 0
    newly_unpriced_calls: int = 0


class Tally:
    """What has been added so far."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], _Sums] = {}
        self._versions: set[str] = set()

    def add(self, before: CostRow, after: CostRow) -> None:
        """One call, as it was and as it becomes; the same object where nothing changes."""
        sums = self._of(before.call.provider, before.call.model)
        was = before.cost.amount if isinstance(before.cost, Cost) else None
        becomes = after.cost.amount if isinstance(after.cost, Cost) else None
        sums.calls += 1
        sums.changed_calls += after is not before
        sums.amount_before = _add(sums.amount_before, was)
        sums.amount_after = _add(sums.amount_after, becomes)
        sums.newly_priced_calls += was is None and becomes is not None
        sums.newly_unpriced_calls += was is not None and becomes is None
        if after is before or len(self._versions) >= VERSIONS_MAX:
            return
        if isinstance(before.cost, Cost):
            self._versions.add(before.cost.book_version)

    def differences(self) -> tuple[Difference, ...]:
        """The sums of each model, by provider and model."""
        return tuple(
            Difference(
                provider=provider,
                model=model,
                calls=sums.calls,
                changed_calls=sums.changed_calls,
                amount_before=sums.amount_before,
                amount_after=sums.amount_after,
                newly_priced_calls=sums.newly_priced_calls,
                newly_unpriced_calls=sums.newly_unpriced_calls,
            )
            for (provider, model), sums in sorted(self._sums.items())
        )

    def replaced_versions(self) -> tuple[str, ...]:
        """The price books of the costs that change, sorted."""
        return tuple(sorted(self._versions))

    def _of(self, provider: str, model: str) -> _Sums:
        key = (provider, model)
        if key not in self._sums and len(self._sums) >= MODELS_MAX:
            key = ("", "")
        return self._sums.setdefault(key, _Sums())


def _add(total: Decimal | None, amount: Decimal | None) -> Decimal | None:
    if amount is None:
        return total
    return amount if total is None else _SUMS.add(total, amount)
