"""Embedders over packages that are not installed here: stand-ins are imported in their place."""

from __future__ import annotations

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.fake_openai import vector_of
from trace_clustering.errors import EmbeddingError, EmbeddingRefusedError
from trace_clustering.traces.embedding import MAX_TEXT_CHARS, Embedder
from trace_clustering.traces.local_embedding import FastEmbedEmbedder, SentenceTransformersEmbedder

TEXTS = ["refund my ticket", "", "where is my parcel?", "refund my ticket"]


class FakeModel:
    """Encodes as both packages do; a text ``nan`` gives none, ``fail`` raises."""

    def __init__(self, place: str) -> None:
        if place == "no-such-model":
            raise OSError("there is no such model\nanywhere")
        self.texts: list[str] = []
        self.alone = threading.Lock()

    def encode_all(self, texts: list[str]) -> list[Any]:
        assert self.alone.acquire(blocking=False), "two threads encode at once"
        try:
            if "fail" in texts:
                raise RuntimeError("out of memory")
            self.texts += texts
            return [[math.nan] * 3 if text == "nan" else vector_of(text, 3) for text in texts]
        finally:
            self.alone.release()


class FakeSentenceTransformers:
    """The part of ``sentence_transformers`` that is used; remembers what was loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.models: list[FakeModel] = []

    def SentenceTransformer(self, place: str) -> Any:
        self.loaded.append(place)
        model = FakeModel(place)
        self.models.append(model)

        def encode(texts: list[str], *, batch_size: int, **options: bool) -> Any:
            assert options == {"show_progress_bar": False, "convert_to_numpy": True}
            return np.array(model.encode_all(texts), dtype=np.float32)

        return SimpleNamespace(encode=encode)

    def import_module(self, name: str) -> Any:
        assert name == "sentence_transformers"
        return self


class FakeFastEmbed:
    """The part of ``fastembed`` that is used; ``custom`` are the models added to its list."""

    PoolingType: ClassVar = {"CLS": "by first", "MEAN": "by mean", "LAST_TOKEN": "by last"}

    def __init__(self) -> None:
        self.loaded: list[dict[str, Any]] = []
        self.models: list[FakeModel] = []
        self.custom: list[dict[str, Any]] = []
        self.TextEmbedding = _TextEmbedding(self)

    def ModelSource(self, hf: str) -> str:
        return hf

    def import_module(self, name: str) -> Any:
        assert name in ("fastembed", "fastembed.common.model_description")
        return self


class _TextEmbedding:
    def __init__(self, package: FakeFastEmbed) -> None:
        self._package = package

    def list_supported_models(self) -> list[dict[str, Any]]:
        return [{"model": "known/model", "dim": 3}, *self._package.custom]

    def add_custom_model(self, **model: Any) -> None:
        self._package.custom.append(model)

    def __call__(self, model_name: str, **options: Any) -> Any:
        self._package.loaded.append({"model_name": model_name, **options})
        model = FakeModel(model_name)
        self._package.models.append(model)

        def embed(texts: list[str], *, batch_size: int) -> Any:
            # The package computes in single precision, row by row, when they are asked for.
            return (np.array(row, dtype=np.float32) for row in model.encode_all(texts))

        return SimpleNamespace(embed=embed)


def sentence_transformers(model: str) -> tuple[Embedder, Any]:
    package = FakeSentenceTransformers()
    return SentenceTransformersEmbedder(model, import_module=package.import_module), package


def fastembed(model: str) -> tuple[Embedder, Any]:
    package = FakeFastEmbed()
    return FastEmbedEmbedder(model, import_module=package.import_module), package


both = pytest.mark.parametrize("made", [sentence_transformers, fastembed])


@both
def test_rows_keep_the_order_of_their_texts(made: Any) -> None:
    embedder, package = made("known/model")
    rows = embedder.embed(TEXTS)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, np.array([vector_of(text, 3) for text in TEXTS], np.float32))
    assert embedder.embed([]).shape == (0, 3)
    assert len(package.loaded) == 1


@both
def test_nothing_is_loaded_before_it_is_needed(made: Any) -> None:
    embedder, package = made("known/model")
    assert embedder.model_name == "known/model"
    assert package.loaded == []
    assert embedder.dimensions == 3
    assert embedder.dimensions == 3
    assert len(package.models[0].texts) == 1


@both
def test_long_and_odd_texts_are_bounded(made: Any) -> None:
    embedder, package = made("known/model")
    embedder.embed(["x" * 100_000, "\ud800"])
    assert package.models[0].texts == ["x" * MAX_TEXT_CHARS, "?"]


@both
def test_threads_take_turns(made: Any) -> None:
    embedder, package = made("known/model")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: embedder.embed(TEXTS), range(40)))
    assert all(np.array_equal(rows, results[0]) for rows in results)
    assert len(package.models) == 1


@both
def test_what_goes_wrong_is_said(made: Any) -> None:
    embedder, _ = made("no-such-model")
    with pytest.raises(EmbeddingError, match="cannot be loaded: there is no such model anywhere"):
        embedder.embed(TEXTS)
    embedder, _ = made("known/model")
    with pytest.raises(EmbeddingError, match="embedding model known/model fails: out of memory"):
        embedder.embed(["fail"])
    with pytest.raises(EmbeddingRefusedError, match="no numbers of 1 texts") as caught:
        embedder.embed(["a", "nan", "b"])
    assert caught.value.positions == (1,)
    assert embedder.embed(["a", "b"]).shape == (2, 3)


@pytest.mark.parametrize(
    ("kind", "extra"),
    [(SentenceTransformersEmbedder, "sentence-transformers"), (FastEmbedEmbedder, "fastembed")],
)
def test_a_missing_extra_is_named(kind: Any, extra: str) -> None:
    def nothing_installed(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    embedder = kind("m", import_module=nothing_installed)
    with pytest.raises(EmbeddingError) as caught:
        embedder.embed(["a"])
    assert f"embedder={extra} cannot be imported (No module named" in str(caught.value)
    assert f"pip install 'trace-clustering[{extra}]'" in str(caught.value)


def test_a_folder_is_loaded_as_such_and_gives_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    embedder, package = sentence_transformers(str(folder / "..") + "/my-model/")
    assert embedder.model_name == "my-model"
    embedder.embed(TEXTS)
    assert Path(package.loaded[0]).samefile(folder)


def write_model(folder: Path, **files: Any) -> Path:
    """A model's folder; ``files`` are the contents of JSON files by their names."""
    (folder / "onnx").mkdir(parents=True)
    (folder / "1_Pooling").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"")
    for name, content in files.items():
        path = (
            folder / f"{name}.json" if name != "pooling" else folder / "1_Pooling" / "config.json"
        )
        path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_folder_for_fastembed(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mini", config={"hidden_size": 3})
    embedder, package = fastembed(str(folder))
    assert embedder.model_name == "mini"
    assert embedder.embed(TEXTS).shape == (4, 3)
    place = str(folder.resolve())
    assert package.custom == [
        {
            "model": place,
            "pooling": "by mean",
            "normalization": True,
            "sources": place,
            "dim": 3,
            "model_file": "onnx/model.onnx",
        }
    ]
    assert package.loaded == [{"model_name": place, "specific_model_path": place}]
    FastEmbedEmbedder(str(folder), import_module=package.import_module).embed(TEXTS)
    assert len(package.custom) == 1


@pytest.mark.parametrize(
    ("said", "pooling", "unit_length"),
    [
        ({"pooling": {"pooling_mode_cls_token": True}}, "by first", True),
        ({"pooling": {"pooling_mode": "cls"}}, "by first", True),
        ({"pooling": {"pooling_mode_lasttoken": True}}, "by last", True),
        ({"pooling": {"pooling_mode_mean_tokens": True}}, "by mean", True),
        ({"pooling": [], "config": 7}, "by mean", True),
        ({"modules": [{"type": "x.models.Transformer"}]}, "by mean", False),
        ({"modules": [{"type": "x"}, {"type": "x.models.Normalize"}]}, "by mean", True),
    ],
)
def test_how_a_folder_wants_its_vectors_made(
    tmp_path: Path, said: dict[str, Any], pooling: str, unit_length: bool
) -> None:
    embedder, package = fastembed(str(write_model(tmp_path / "mini", **said)))
    embedder.embed(TEXTS)
    (model,) = package.custom
    assert (model["pooling"], model["normalization"]) == (pooling, unit_length)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    embedder, _ = fastembed(str(tmp_path))
    with pytest.raises(EmbeddingError, match=r"cannot be loaded: none of onnx/model\.onnx"):
        embedder.embed(TEXTS)
    folder = write_model(tmp_path / "mini")
    (folder / "config.json").write_bytes(b"\xff{")
    embedder, _ = fastembed(str(folder))
    with pytest.raises(EmbeddingError, match="cannot be loaded"):
        embedder.embed(TEXTS)
