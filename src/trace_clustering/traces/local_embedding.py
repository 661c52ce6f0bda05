"""Vectors from larger models on this machine, with packages that are installed as extras.

A model is given by its name, under which its package finds or fetches it, or by the folder that
it lies in; from a folder nothing is fetched.
"""

from __future__ import annotations

import importlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trace_clustering.errors import EmbeddingError, EmbeddingRefusedError
from trace_clustering.traces import endpoints
from trace_clustering.traces.embedding import encodable

Encode = Callable[[list[str]], Iterable[Any]]
ImportModule = Callable[[str], Any]

_BATCH_TEXTS = 32
_ONNX_FILES = ("onnx/model.onnx", "model.onnx", "model_optimized.onnx", "onnx/model_optimized.onnx")


class _LocalEmbedder(ABC):
    """An embedder over a package that is imported, and a model that is loaded, at first use.

    Safe to share between threads: one encodes at a time.

    Args:
        model: its name, or its folder.
        import_module: imports a module by its name.
    """

    package: ClassVar[str]

    def __init__(
        self, model: str, *, import_module: ImportModule = importlib.import_module
    ) -> None:
        self._model = model
        self._import_module = import_module
        self._lock = threading.Lock()
        self._encode: Encode | None = None
        self._dimensions: int | None = None

    @property
    def model_name(self) -> str:
        """The model's name, or the last part of its folder's."""
        return self._folder.resolve().name if self._folder else self._model

    @property
    def dimensions(self) -> int:
        """Length of each vector; loads the model.

        Raises:
            EmbeddingError: it cannot be loaded.
        """
        if self._dimensions is None:
            self.embed(["A text."])
        assert self._dimensions is not None
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of ``texts`` in the same order, shape (len(texts), dimensions).

        Raises:
            EmbeddingRefusedError: the model makes no numbers of some texts.
            EmbeddingError: the package or the model cannot be loaded, or fails.
        """
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        rows = self._rows([encodable(text) for text in texts])
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            problem = f"{self._what} makes no numbers of {len(bad)} texts"
            rows[bad] = 0
            raise EmbeddingRefusedError(problem, tuple(int(position) for position in bad), rows)
        self._dimensions = rows.shape[1]
        return rows

    @property
    def _what(self) -> str:
        return f"embedding model {self._model}"

    @property
    def _folder(self) -> Path | None:
        folder = Path(self._model).expanduser()
        return folder if folder.is_dir() else None

    def _rows(self, texts: list[str]) -> NDArray[np.float32]:
        # Tokenizers cannot be borrowed twice, and one text at a time fills the cores already.
        with self._lock:
            if self._encode is None:
                self._encode = self._loaded()
            try:
                return np.stack([np.asarray(row, dtype=np.float32) for row in self._encode(texts)])
            except (RuntimeError, ValueError) as error:
                raise EmbeddingError(f"{self._what} fails: {_told(error)}") from error

    def _loaded(self) -> Encode:
        try:
            return self._load(self._import_module(self.package))
        except ImportError as error:
            extra = self.package.replace("_", "-")
            raise EmbeddingError(
                f"embedder={extra} cannot be imported ({_told(error)}); "
                f"install it with: pip install 'trace-clustering[{extra}]'"
            ) from error
        except (OSError, RuntimeError, ValueError) as error:
            raise EmbeddingError(f"{self._what} cannot be loaded: {_told(error)}") from error

    @abstractmethod
    def _load(self, package: Any) -> Encode:
        """What turns texts into rows, in order."""


class SentenceTransformersEmbedder(_LocalEmbedder):
    """Vectors from a model of the package ``sentence-transformers``, as the model makes them."""

    package = "sentence_transformers"

    def _load(self, package: Any) -> Encode:
        model = package.SentenceTransformer(str(self._folder or self._model))

        def encode(texts: list[str]) -> Iterable[Any]:
            rows: Iterable[Any] = model.encode(
                texts, batch_size=_BATCH_TEXTS, show_progress_bar=False, convert_to_numpy=True
            )
            return rows

        return encode


class FastEmbedEmbedder(_LocalEmbedder):
    """Vectors from a model of the package ``fastembed``, which runs ONNX files.

    A folder is laid out as those of ``sentence-transformers``, with an ONNX file beside: whether
    its vectors are averaged and have unit length is read from there.
    """

    package = "fastembed"

    def _load(self, package: Any) -> Encode:
        model = self._of_folder(package, self._folder) if self._folder else self._of_name(package)

        def encode(texts: list[str]) -> Iterable[Any]:
            rows: Iterable[Any] = model.embed(texts, batch_size=_BATCH_TEXTS)
            return rows

        return encode

    def _of_name(self, package: Any) -> Any:
        return package.TextEmbedding(model_name=self._model)

    def _of_folder(self, package: Any, folder: Path) -> Any:
        kinds = self._import_module("fastembed.common.model_description")
        name = str(folder.resolve())
        # The package keeps one list for the whole process.
        if all(one["model"] != name for one in package.TextEmbedding.list_supported_models()):
            package.TextEmbedding.add_custom_model(
                model=name,
                pooling=kinds.PoolingType[_pooling(folder)],
                normalization=_has_unit_length(folder),
                sources=kinds.ModelSource(hf=name),  # one must be named; none is asked
                dim=_read(folder / "config.json", {}).get("hidden_size", 0),
                model_file=_onnx_file(folder),
            )
        return package.TextEmbedding(model_name=name, specific_model_path=name)


def _told(error: Exception) -> str:
    return endpoints.message(str(error)) or type(error).__name__


def _onnx_file(folder: Path) -> str:
    for name in _ONNX_FILES:
        if (folder / name).is_file():
            return name
    raise ValueError(f"none of {', '.join(_ONNX_FILES)} is in {folder}")


def _pooling(folder: Path) -> str:
    """How a text's vector comes from those of its tokens; their mean where nothing is said."""
    said = _read(folder / "1_Pooling" / "config.json", {})
    if said.get("pooling_mode_cls_token") or said.get("pooling_mode") == "cls":
        return "CLS"
    if said.get("pooling_mode_lasttoken") or said.get("pooling_mode") == "lasttoken":
        return "LAST_TOKEN"
    return "MEAN"


def _has_unit_length(folder: Path) -> bool:
    """Whether vectors are brought to unit length; they are where nothing is said."""
    steps = _read(folder / "modules.json", [])
    return not steps or any("Normalize" in str(step.get("type")) for step in steps)


def _read(path: Path, otherwise: Any) -> Any:
    """The JSON in a file; ``otherwise`` if there is no such file or it holds another kind."""
    if not path.is_file():
        return otherwise
    value = json.loads(path.read_text(encoding="utf-8"))
    return value if isinstance(value, type(otherwise)) else otherwise
