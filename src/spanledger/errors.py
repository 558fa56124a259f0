"""Every error of ours, one small tree: whose fault it is, and what can be done.

SpanledgerError
├── InvalidUsage        the provider's numbers cannot be true: keep the call, sum nothing
├── SettingsError       a setting, option or file of ours is wrong: the operator mends it
├── InvalidQuery        a question to the store makes no sense: the caller mends it
├── InvalidRecord       a recorded answer cannot be read: whoever recorded it mends it
├── HistoryRefused      it would move what must stay, or is under way: the text says what
└── StoreError          the store did not do what it was asked: try again later
    └── StoreLocked     another process owns the data directory
"""

__all__ = [
    "HistoryRefused",
    "InvalidQuery",
    "InvalidRecord",
    "InvalidUsage",
    "PriceError",
    "SettingsError",
    "SpanledgerError",
    "StoreError",
    "StoreLocked",
]


class SpanledgerError(Exception):
    """Base of every error that Spanledger raises; its text is one sentence for a person."""


class InvalidUsage(SpanledgerError, ValueError):
    """A usage that cannot be true, such as more cached input than input."""


class SettingsError(SpanledgerError, ValueError):
    """A setting, command-line option or configuration file that cannot be used."""


class InvalidQuery(SpanledgerError, ValueError):
    """A question that cannot be answered as put, such as an unknown grouping or time zone."""


class InvalidRecord(SpanledgerError, ValueError):
    """A recorded answer that cannot be read, such as one without a time."""


class HistoryRefused(SpanledgerError):
    """A repricing, an undo or a closing that must not happen now, such as one in a closed month."""


class StoreError(SpanledgerError):
    """The store failed; nothing was acknowledged, and the same request may work later."""


class StoreLocked(StoreError):
    """Another process owns the data directory."""


class PriceError(SpanledgerError, ValueError):
    """A price list or an overlay that cannot be used; the text says where and why."""
