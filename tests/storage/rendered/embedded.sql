CREATE DATABASE IF NOT EXISTS spanledger ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS spanledger.schema_migrations
(number UInt32, name String, checksum String, applied_at DateTime64(6, 'UTC'))
ENGINE = MergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS spanledger.calls
(
    project String,
    trace_id String,
    span_id String,
    parent_span_id String,
    start_time DateTime64(6, 'UTC'),
    duration_us Int64,
    time_to_first_chunk_us Nullable(Int64),

    provider LowCardinality(String),
    operation LowCardinality(String),
    request_model LowCardinality(String),
    response_model LowCardinality(String),
    response_id String,
    stream Bool,
    error_type LowCardinality(String),
    attempt Nullable(Int64),

    service LowCardinality(String),
    environment LowCardinality(String),
    user_id String,
    team String,
    department String,
    agent_id String,
    conversation_id String,
    message_id String,
    feature String,
    route String,
    api_key_id String,
    tags Map(String, String),
    skip_charge Bool,
    replay Bool,

    input_tokens Nullable(UInt64),
    cache_read_tokens Nullable(UInt64),
    cache_write_tokens Nullable(UInt64),
    cache_write_5m_tokens Nullable(UInt64),
    cache_write_1h_tokens Nullable(UInt64),
    input_audio_tokens Nullable(UInt64),
    input_image_tokens Nullable(UInt64),
    cache_read_audio_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    reasoning_tokens Nullable(UInt64),
    output_audio_tokens Nullable(UInt64),
    output_image_tokens Nullable(UInt64),
    usage_problem String,
    usage_source LowCardinality(String),
    usage_partial Bool,
    usage_raw String CODEC(ZSTD),
    batch Bool,
    request_service_tier LowCardinality(String),
    response_service_tier LowCardinality(String),
    reported_amount Nullable(Decimal(38, 12)),
    reported_currency LowCardinality(String),

    status LowCardinality(String),
    reason String,
    amount Nullable(Decimal(38, 12)) COMMENT 'US dollars. NULL is unknown, which is not zero.',
    book_version LowCardinality(String),
    lines Nested
    (
        unit LowCardinality(String),
        quantity Decimal(38, 12),
        rate Decimal(38, 12),
        per UInt64,
        amount Decimal(38, 12),
        source String,
        effective_date Nullable(Date32)
    ),

    recorded_at DateTime64(6, 'UTC'),
    version UInt64 MATERIALIZED toUInt64(toUnixTimestamp64Micro(recorded_at)),

    model String ALIAS if(response_model != '', response_model, request_model),
    service_tier String ALIAS
        if(response_service_tier != '', response_service_tier, request_service_tier),

    INDEX by_message message_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_conversation conversation_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_trace trace_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_user user_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start_time)
ORDER BY (project, toStartOfHour(start_time), trace_id, span_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO spanledger.schema_migrations VALUES (1, '0001_calls.sql', 'aa86b23629e635bb954952eee557cafa8d57543f05688c344969cf7310813454', now64(6, 'UTC'));

ALTER TABLE spanledger.calls
    ADD COLUMN IF NOT EXISTS cache_write_12h_tokens Nullable(UInt64) AFTER cache_write_1h_tokens,
    ADD COLUMN IF NOT EXISTS input_video_tokens Nullable(UInt64) AFTER input_image_tokens,
    ADD COLUMN IF NOT EXISTS cache_read_image_tokens Nullable(UInt64) AFTER cache_read_audio_tokens,
    ADD COLUMN IF NOT EXISTS citation_tokens Nullable(UInt64) AFTER output_image_tokens,
    ADD COLUMN IF NOT EXISTS other_model_tokens Nullable(UInt64) AFTER citation_tokens,
    ADD COLUMN IF NOT EXISTS input_characters Nullable(UInt64) AFTER other_model_tokens,
    ADD COLUMN IF NOT EXISTS input_pixels Nullable(UInt64) AFTER input_characters,
    ADD COLUMN IF NOT EXISTS input_pages Nullable(UInt64) AFTER input_pixels,
    ADD COLUMN IF NOT EXISTS audio_ms Nullable(UInt64) AFTER input_pages,
    ADD COLUMN IF NOT EXISTS video_ms Nullable(UInt64) AFTER audio_ms,
    ADD COLUMN IF NOT EXISTS images Nullable(UInt64) AFTER video_ms,
    ADD COLUMN IF NOT EXISTS rerank_searches Nullable(UInt64) AFTER images,
    ADD COLUMN IF NOT EXISTS web_searches Nullable(UInt64) AFTER rerank_searches,
    ADD COLUMN IF NOT EXISTS search_sources Nullable(UInt64) AFTER web_searches,
    ADD COLUMN IF NOT EXISTS social_searches Nullable(UInt64) AFTER search_sources,
    ADD COLUMN IF NOT EXISTS social_posts Nullable(UInt64) AFTER social_searches,
    ADD COLUMN IF NOT EXISTS social_users Nullable(UInt64) AFTER social_posts,
    ADD COLUMN IF NOT EXISTS storage_searches Nullable(UInt64) AFTER social_users,
    ADD COLUMN IF NOT EXISTS code_executions Nullable(UInt64) AFTER storage_searches,
    ADD COLUMN IF NOT EXISTS price_context Map(String, String) AFTER response_service_tier,
    ADD COLUMN IF NOT EXISTS computed_amount Nullable(Decimal(38, 12)) AFTER amount;

INSERT INTO spanledger.schema_migrations VALUES (2, '0002_prices.sql', 'a43784ba68f2a79825e42939697ef355713342caee78797d7e4cae51b9f92b5c', now64(6, 'UTC'));

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

CREATE TABLE IF NOT EXISTS spanledger.replaced_calls
ENGINE = ReplacingMergeTree(recorded_at)
PARTITION BY toYYYYMM(start_time)
ORDER BY (repricing, toStartOfHour(start_time), trace_id, span_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
EMPTY AS SELECT '' AS repricing, * FROM spanledger.calls;

INSERT INTO spanledger.schema_migrations VALUES (3, '0003_history.sql', 'e6f25f00e34460281ace718b0848c700926c1528787f88282fdff6058075846d', now64(6, 'UTC'));
