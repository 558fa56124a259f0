"""Wire formats by the names that people have for them, where no URL says which it is."""

from collections.abc import Mapping
from typing import Final

from spanledger.dialects import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    gemini_interactions,
    mistral,
    ollama,
    openai,
    openai_media,
    voyage,
)
from spanledger.dialects.dialect import Dialect

__all__ = ["APIS", "PROVIDERS_APIS"]

APIS: Final[Mapping[str, Dialect]] = {
    "chat": openai.CHAT,
    "chat_completions": openai.CHAT,
    "conversations": openai.CHAT,
    "run": openai.CHAT,
    "completions": openai.COMPLETIONS,
    "fim": openai.COMPLETIONS,
    "responses": openai.RESPONSES,
    "decisions": openai.DECISIONS,
    "realtime": openai.RESPONSES,
    "embeddings": openai.EMBEDDINGS,
    "moderations": openai.EMBEDDINGS,
    "images": openai_media.IMAGES,
    "transcription": openai_media.TRANSCRIPTION,
    "transcriptions": openai_media.TRANSCRIPTION,
    "translations": openai_media.TRANSCRIPTION,
    "speech": openai_media.SPEECH,
    "messages": anthropic.MESSAGES,
    "generate_content": gemini.GENERATE,
    "live": gemini.GENERATE,
    "embed_content": gemini.EMBED,
    "predict_embeddings": gemini.PREDICT_EMBEDDINGS,
    "predict_images": gemini.IMAGES,
    "interactions": gemini_interactions.INTERACTIONS,
    "converse": bedrock.CONVERSE,
    "invoke": bedrock.INVOKE,
    "chat_v1": cohere.CHAT_V1,
    "chat_v2": cohere.CHAT,
    "embed": cohere.EMBED,
    "rerank": cohere.RERANK,
    "ocr": mistral.OCR,
    "generate": ollama.GENERATE,
    "multimodal_embeddings": voyage.EMBEDDINGS,
}
"""Wire formats by the names that people have for them, where no URL says which it is."""

PROVIDERS_APIS: Final[Mapping[tuple[str, str], Dialect]] = {
    ("cohere", "chat"): cohere.CHAT,
    ("cohere", "embeddings"): cohere.EMBED,
    ("ollama", "chat"): ollama.CHAT,
    ("ollama", "embeddings"): ollama.EMBED,
    ("gcp.gemini", "embeddings"): gemini.EMBED,
    ("gcp.gemini", "images"): gemini.IMAGES,
    ("aws.bedrock", "messages"): bedrock.INVOKE,
}
