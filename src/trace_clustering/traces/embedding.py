"""From texts to vectors.

The built-in embedder averages the vectors of a text's tokens; its weights ship in a package, so
it needs no network. It is loaded at first use only: importing this module is cheap.
"""

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trace_clustering.errors import EmbeddingError

MAX_TEXT_CHARS = 32_768
"""Of a longer text, only this many leading characters are embedded."""

_BATCH_TEXTS = 64


class Embedder(Protocol):
    """Turns texts into vectors that lie close together where the texts mean the same."""

    @property
    def model_name(self) -> str:
        """Name that is stored beside each vector; equal names mean comparable vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of ``texts`` in the same order, shape (len(texts), dimensions).

        Raises:
            EmbeddingError: if they cannot be computed.
        """
        ...


class WordLlamaEmbedder:
    """The built-in embedder: offline, deterministic, on the CPU; safe to share between threads.

    Rows have unit length, except that a text without any known token gives a row of zeros.
    A text's row does not depend on the texts it is embedded together with.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: tuple[Any, NDArray[np.float32]] | None = None

    @property
    def model_name(self) -> str:
        """Name of the weights and their dimensions."""
        return "wordllama-l2-supercat-256"

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        return 256

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of ``texts``, shape (len(texts), 256).

        Raises:
            EmbeddingError: if the weights cannot be loaded.
        """
        tokenizer, table = self._model()
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BATCH_TEXTS):
            batch = [encodable(text) for text in texts[start : start + _BATCH_TEXTS]]
            encodings = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            for offset, encoding in enumerate(encodings):
                rows[start + offset] = _mean_direction(table, encoding.ids)
        return rows

    def _model(self) -> tuple[Any, NDArray[np.float32]]:
        """Tokenizer and token vectors, shape (vocabulary, 256), loaded by the first caller."""
        with self._lock:
            if self._loaded is None:
                self._loaded = _load()
            return self._loaded


def encodable(text: str) -> str:
    """Bounded text that can be encoded as UTF-8, which the tokenizer insists on."""
    return text[:MAX_TEXT_CHARS].encode("utf-8", "replace").decode("utf-8")


def _mean_direction(table: NDArray[np.float32], token_ids: Sequence[int]) -> NDArray[np.float32]:
    """Unit vector along the mean of the tokens' vectors; zeros if there is no such direction."""
    if not token_ids:
        return np.zeros(table.shape[1], dtype=np.float32)
    mean = table[np.asarray(token_ids)].mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 0 else mean, dtype=np.float32)


def _load() -> tuple[Any, NDArray[np.float32]]:
    with _side_effects_contained():
        try:
            import wordllama

            folder = Path(wordllama.__file__).parent
            model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        except (ImportError, OSError, ValueError) as error:
            raise EmbeddingError(f"the built-in embedder cannot be loaded: {error}") from error
    # Texts are averaged one by one, so padding would only be work.
    model.tokenizer.no_padding()
    return model.tokenizer, model.embedding


@contextmanager
def _side_effects_contained() -> Iterator[None]:
    """Keep the library's import from configuring logging and from warning.

    ``logging.basicConfig`` leaves a root logger alone that has a handler already.
    """
    root, placeholder = logging.getLogger(), logging.NullHandler()
    root.addHandler(placeholder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(placeholder)
