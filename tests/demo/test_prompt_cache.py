from spanledger.demo.prompt_cache import CacheUse, PromptCache, Segment

# 40 characters are 10 tokens.
TEN = "0123456789" * 4


def test_a_repeated_prompt_is_reused_in_whole_blocks() -> None:
    """Only blocks read before count, and none below the minimum."""
    cache = PromptCache()
    assert cache.reuse("m", TEN * 3, minimum=20, block=8) == 0
    assert cache.reuse("m", TEN * 3 + "new", minimum=20, block=8) == 24
    assert cache.reuse("m", TEN[:39] + "X" + TEN * 2, minimum=20, block=8) == 0
    assert cache.reuse("other", TEN * 3, minimum=20, block=8) == 0


def test_a_short_shared_start_is_not_reused() -> None:
    """Two prompts that share less than the minimum share nothing."""
    cache = PromptCache()
    cache.reuse("m", TEN * 2 + "a" * 40, minimum=24, block=4)
    assert cache.reuse("m", TEN * 2 + "b" * 40, minimum=24, block=4) == 0
    assert cache.reuse("m", TEN * 2 + "b" * 39, minimum=24, block=4) == 28


def test_a_marked_prefix_is_written_once_and_read_after() -> None:
    """Anthropic's rule: a write the first time, a read from then on, unmarked text neither."""
    cache = PromptCache()
    segments = [Segment(TEN), Segment(TEN, "5m"), Segment("question")]
    assert cache.use("m", segments, minimum=20) == CacheUse(written_5m=20)
    assert cache.use("m", segments, minimum=20) == CacheUse(read=20)
    assert cache.use("other", segments, minimum=20) == CacheUse(written_5m=20)


def test_lifetimes_are_counted_apart() -> None:
    """Each marked stretch is written with the lifetime of its own mark."""
    cache = PromptCache()
    segments = [Segment(TEN * 2, "1h"), Segment(TEN, "5m")]
    first = cache.use("m", segments, minimum=20)
    assert first == CacheUse(written_1h=20, written_5m=10)
    assert first.written == 30


def test_a_longer_prompt_reads_the_old_part_and_writes_the_new() -> None:
    """A conversation that grows pays for writing only what was added."""
    cache = PromptCache()
    cache.use("m", [Segment(TEN * 2, "5m")], minimum=20)
    grown = [Segment(TEN * 2, "5m"), Segment(TEN), Segment(TEN, "5m")]
    assert cache.use("m", grown, minimum=20) == CacheUse(read=20, written_5m=20)


def test_below_the_minimum_nothing_is_cached() -> None:
    """A mark on a short prompt has no effect, as at Anthropic."""
    assert PromptCache().use("m", [Segment(TEN, "5m")], minimum=20) == CacheUse()


def test_the_memory_is_bounded() -> None:
    """Beyond ten thousand prefixes the oldest is forgotten."""
    cache = PromptCache()
    for number in range(10_001):
        cache.use("m", [Segment(f"{number}", "5m")], minimum=0)
    assert cache.use("m", [Segment("10000", "5m")], minimum=0).read == 2
    assert cache.use("m", [Segment("0", "5m")], minimum=0).written == 1
