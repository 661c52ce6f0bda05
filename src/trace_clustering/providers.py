"""From settings to the models that they name: what embeds, summarizes, and names groups."""

from __future__ import annotations

from pydantic import SecretStr

from trace_clustering.errors import SettingsError
from trace_clustering.settings import Settings
from trace_clustering.traces.embedding import Embedder, WordLlamaEmbedder
from trace_clustering.traces.local_embedding import FastEmbedEmbedder, SentenceTransformersEmbedder
from trace_clustering.traces.naming.model_names import LanguageModelNamer
from trace_clustering.traces.naming.portrait import Namer
from trace_clustering.traces.remote_embedding import OpenAIEmbedder
from trace_clustering.traces.summarizing import LanguageModelSummarizer, Summarizer


def build_embedder(settings: Settings) -> Embedder:
    """The embedder that is set; nothing is loaded, and nobody asked, before it is used.

    Raises:
        SettingsError: what it needs is not set.
    """
    if settings.embedder == "builtin":
        return WordLlamaEmbedder()
    model = _needed("embedding_model", settings.embedding_model)
    if settings.embedder == "sentence-transformers":
        return SentenceTransformersEmbedder(model)
    if settings.embedder == "fastembed":
        return FastEmbedEmbedder(model)
    return OpenAIEmbedder(
        _needed("embedding_url", settings.embedding_url),
        model,
        _revealed(settings.embedding_api_key),
        batch_size=settings.embedding_batch_size,
        concurrency=settings.embedding_concurrency,
    )


def build_summarizer(settings: Settings) -> Summarizer | None:
    """The language model that is set; None where none is: summaries are extractive then.

    Raises:
        SettingsError: what it needs is not set.
    """
    if settings.llm_url is None:
        return None
    return LanguageModelSummarizer(
        settings.llm_url,
        _needed("llm_model", settings.llm_model),
        _revealed(settings.llm_api_key),
        timeout_seconds=settings.llm_timeout_seconds,
        concurrency=settings.llm_concurrency,
    )


def build_namer(settings: Settings) -> Namer | None:
    """The language model that names groups; None where there is none, or no budget for it.

    Raises:
        SettingsError: what it needs is not set.
    """
    if settings.llm_url is None or not settings.naming_budget_usd * settings.naming_budget_tokens:
        return None
    return LanguageModelNamer(
        settings.llm_url,
        _needed("llm_model", settings.llm_model),
        _revealed(settings.llm_api_key),
        timeout_seconds=settings.llm_timeout_seconds,
        budget_usd=settings.naming_budget_usd,
        budget_tokens=settings.naming_budget_tokens,
    )


def _needed(name: str, value: str | None) -> str:
    if value is None:
        raise SettingsError(f"{name}: is not set")
    return value


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
