"""Those who listen are told, and those who stopped are not."""

from spanledger.instrumentation import news


def test_all_who_listen_are_told() -> None:
    """In the order in which they came, as long as they want it."""
    heard: list[tuple[str, bool]] = []

    def first(urgent: bool) -> None:  # noqa: FBT001 - as listeners are called
        heard.append(("first", urgent))

    def second(urgent: bool) -> None:  # noqa: FBT001
        heard.append(("second", urgent))

    news.listen(first)
    news.listen(second)
    news.announce(urgent=True)
    news.unlisten(first)
    news.unlisten(first)
    news.announce(urgent=False)
    news.unlisten(second)
    news.announce(urgent=True)
    assert heard == [("first", True), ("second", True), ("second", False)]
