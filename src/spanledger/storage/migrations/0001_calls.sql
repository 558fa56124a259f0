-- One row for each call, whatever arrives again. A statement ends at a semicolon, so none stands in
-- a comment or a text here, and each statement may be run again (see migrate.py).
--
-- Identity is (project, trace_id, span_id). The hour of the start stands before the ids in the key,
-- so that time ranges are cheap: a span has one start, so the hour adds nothing to the identity and
-- no row has a twin in another partition.
--
-- LowCardinality only where the number of values is bounded. What names a person, a conversation or
-- anything else that grows with use is a plain String.
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
