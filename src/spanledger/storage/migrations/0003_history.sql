-- What keeps history where it is: the price books that were used, the months that are closed, and
-- the repricings, each with the rows as they were before it.
--
-- A book has a row for each time that it came into use.
CREATE TABLE IF NOT EXISTS spanledger.price_books
(
    version String,
    used_since DateTime64(6, 'UTC'),
    content String CODEC(NONE)
)
ENGINE = MergeTree
ORDER BY (version, used_since)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS spanledger.period_acts
(
    project String,
    month String COMMENT 'For instance 2026-10, in UTC.',
    closed Bool,
    made_at DateTime64(6, 'UTC'),
    made_by String
)
ENGINE = MergeTree
ORDER BY (project, month, made_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS spanledger.repricings
(
    project String,
    id String,
    number UInt64,
    made_at DateTime64(6, 'UTC'),
    made_by String,
    start_time DateTime64(6, 'UTC'),
    end_time DateTime64(6, 'UTC'),
    models Array(String),
    book_version String,
    state LowCardinality(String),
    state_at DateTime64(6, 'UTC'),
    state_by String,
    revision UInt64,
    replaced_versions Array(String),
    differences Nested
    (
        provider String,
        model String,
        calls UInt64,
        changed_calls UInt64,
        amount_before Nullable(Decimal(38, 12)),
        amount_after Nullable(Decimal(38, 12)),
        newly_priced_calls UInt64,
        newly_unpriced_calls UInt64
    )
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (project, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The columns of calls, with the repricing that replaced the row. A column that calls gets later has
-- to be added here as well.
CREATE TABLE IF NOT EXISTS spanledger.replaced_calls
ENGINE = ReplacingMergeTree(recorded_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (repricing, toStartOfHour(start_time), trace_id, span_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
EMPTY AS SELECT '' AS repricing, * FROM spanledger.calls;
