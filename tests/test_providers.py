"""Which models the settings stand for, and that they are asked as set."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.fake_openai import FakeOpenAI, Request, Structured
from tests.traces.naming.portraits import ALL, names
from trace_clustering.errors import SettingsError
from trace_clustering.models.traces import TraceSummary
from trace_clustering.providers import build_embedder, build_namer, build_summarizer
from trace_clustering.settings import Settings
from trace_clustering.settings_sources import load_settings
from trace_clustering.traces.embedding import WordLlamaEmbedder
from trace_clustering.traces.local_embedding import FastEmbedEmbedder, SentenceTransformersEmbedder

ANSWER = {"title": "T", "summary_bullets": [{"text": "It is done."}]}


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def load(folder: Path, **overrides: Any) -> Settings:
    return load_settings({"data_dir": folder, **overrides})


def test_without_any_setting(tmp_path: Path) -> None:
    assert isinstance(build_embedder(load(tmp_path)), WordLlamaEmbedder)
    assert build_summarizer(load(tmp_path)) is None
    assert build_namer(load(tmp_path)) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sentence-transformers", SentenceTransformersEmbedder), ("fastembed", FastEmbedEmbedder)],
)
def test_local_embedders(tmp_path: Path, name: str, kind: type) -> None:
    embedder = build_embedder(load(tmp_path, embedder=name, embedding_model=str(tmp_path)))
    assert isinstance(embedder, kind)
    assert embedder.model_name == tmp_path.name


@pytest.mark.parametrize("key", [None, "s3cret"])
def test_an_embedder_behind_a_url(tmp_path: Path, fake: FakeOpenAI, key: str | None) -> None:
    settings = load(
        tmp_path,
        embedder="openai",
        embedding_url=fake.url,
        embedding_model="m",
        embedding_api_key=key,
        embedding_batch_size=2,
        embedding_concurrency=1,
    )
    embedder = build_embedder(settings)
    assert embedder.model_name == "m"
    assert embedder.embed(["a", "b", "c"]).dtype == np.float32
    assert [request.texts for request in fake.requests] == [["a", "b"], ["c"]]
    assert fake.most_at_once == 1
    sent = fake.requests[0].headers.get("authorization")
    assert sent == (f"Bearer {key}" if key else None)


def test_a_language_model(tmp_path: Path, fake: FakeOpenAI) -> None:
    def script(request: Request) -> Structured:
        assert request.headers["authorization"] == "Bearer s3cret"
        return Structured(ANSWER)

    fake.answer_with(script)
    settings = load(
        tmp_path, llm_url=fake.url, llm_model="m", llm_api_key="s3cret", llm_concurrency=1
    )
    summarizer = build_summarizer(settings)
    assert summarizer is not None
    assert summarizer.model_name == "m"
    answers = summarizer.summarize(["L001: user: hello"] * 3)
    assert all(isinstance(answer, TraceSummary) for answer in answers)
    assert fake.most_at_once == 1


def test_who_names_groups(tmp_path: Path, fake: FakeOpenAI) -> None:
    fake.answer_with(names())
    settings = {"llm_url": fake.url, "llm_model": "m", "llm_api_key": "s3cret"}
    namer = build_namer(load(tmp_path, **settings))
    assert namer is not None
    assert namer.model_name == "m"
    assert namer.name(ALL).reason is None
    assert fake.requests[0].headers["authorization"] == "Bearer s3cret"
    for limit in ("naming_budget_usd", "naming_budget_tokens"):
        assert build_namer(load(tmp_path, **settings, **{limit: 0})) is None
    small = build_namer(load(tmp_path, **settings, naming_budget_tokens=5))
    assert small is not None
    assert "naming_budget_tokens=5" in str(small.name(ALL).reason)


def test_settings_that_were_not_checked(tmp_path: Path) -> None:
    plain = load(tmp_path)
    for changes, told in (
        ({"embedder": "openai"}, "embedding_model: is not set"),
        ({"embedder": "openai", "embedding_model": "m"}, "embedding_url: is not set"),
    ):
        with pytest.raises(SettingsError, match=told):
            build_embedder(plain.model_copy(update=changes))
    with pytest.raises(SettingsError, match="llm_model: is not set"):
        build_summarizer(plain.model_copy(update={"llm_url": "http://host"}))
    with pytest.raises(SettingsError, match="llm_model: is not set"):
        build_namer(plain.model_copy(update={"llm_url": "http://host"}))


def test_models_are_loaded_when_they_are_used(tmp_path: Path) -> None:
    script = f"""
import sys
from trace_clustering.providers import build_embedder, build_namer, build_summarizer
from trace_clustering.settings_sources import load_settings
settings = load_settings(
    dict(data_dir={str(tmp_path)!r}, llm_url="http://127.0.0.1:9", llm_model="m")
)
build_embedder(settings)
build_summarizer(settings)
build_namer(settings)
assert not set(("pydantic_ai", "openai", "wordllama")) & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
