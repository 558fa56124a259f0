-- Units that are no tokens, what selects a price, and our own figure beside the provider's.
ALTER TABLE spanledger.calls
    ADD COLUMN IF NOT EXISTS input_video_tokens Nullable(UInt64) AFTER input_image_tokens,
    ADD COLUMN IF NOT EXISTS cache_read_image_tokens Nullable(UInt64) AFTER cache_read_audio_tokens,
    ADD COLUMN IF NOT EXISTS citation_tokens Nullable(UInt64) AFTER output_image_tokens,
    ADD COLUMN IF NOT EXISTS input_characters Nullable(UInt64) AFTER citation_tokens,
    ADD COLUMN IF NOT EXISTS input_pixels Nullable(UInt64) AFTER input_characters,
    ADD COLUMN IF NOT EXISTS input_pages Nullable(UInt64) AFTER input_pixels,
    ADD COLUMN IF NOT EXISTS audio_ms Nullable(UInt64) AFTER input_pages,
    ADD COLUMN IF NOT EXISTS images Nullable(UInt64) AFTER audio_ms,
    ADD COLUMN IF NOT EXISTS rerank_searches Nullable(UInt64) AFTER images,
    ADD COLUMN IF NOT EXISTS web_searches Nullable(UInt64) AFTER rerank_searches,
    ADD COLUMN IF NOT EXISTS social_searches Nullable(UInt64) AFTER web_searches,
    ADD COLUMN IF NOT EXISTS storage_searches Nullable(UInt64) AFTER social_searches,
    ADD COLUMN IF NOT EXISTS code_executions Nullable(UInt64) AFTER storage_searches,
    ADD COLUMN IF NOT EXISTS price_context Map(String, String) AFTER response_service_tier,
    ADD COLUMN IF NOT EXISTS computed_amount Nullable(Decimal(38, 12)) AFTER amount;
