"""The built-in embedder: shape, length, determinism, and no side effects."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from trace_clustering.traces.embedding import Embedder, WordLlamaEmbedder

TEXTS = ["refund my ticket", "where is my parcel?", "", "refund my ticket", "x" * 100_000]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return WordLlamaEmbedder()


def test_rows_keep_their_order_and_have_unit_length(embedder: Embedder) -> None:
    rows = embedder.embed(TEXTS)
    assert rows.shape == (5, embedder.dimensions)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), [1, 1, 0, 1, 1], atol=1e-6)
    assert np.array_equal(rows[0], rows[3])


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 256)


@pytest.mark.parametrize("text", ["", "   ", "\0", "\ud800", "😀", "🫨", "\U0010ffff", "日本語"])
def test_odd_texts_give_finite_rows(embedder: Embedder, text: str) -> None:
    (row,) = embedder.embed([text])
    length = float(np.linalg.norm(row))
    assert length == 0 or length == pytest.approx(1, abs=1e-6)


def test_a_row_does_not_depend_on_its_company(embedder: Embedder) -> None:
    texts = [f"question number {number} about parcels " * (number % 7 + 1) for number in range(150)]
    together = embedder.embed(texts)
    alone = np.vstack([embedder.embed([text]) for text in texts])
    assert np.array_equal(together, alone)


def test_similar_meanings_lie_closer(embedder: Embedder) -> None:
    refund, money_back, seat = embedder.embed(
        [
            "I want a refund for my ticket",
            "give me my money back for the flight",
            "git merge conflict",
        ]
    )
    assert refund @ money_back > refund @ seat + 0.2


def test_threads_may_share_a_fresh_embedder(embedder: Embedder) -> None:
    fresh = WordLlamaEmbedder()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: fresh.embed(TEXTS), range(16)))
    assert all(np.array_equal(rows, embedder.embed(TEXTS)) for rows in results)


def test_it_is_lazy_offline_silent_and_leaves_logging_alone() -> None:
    script = """
import logging, socket, sys
def refuse(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from trace_clustering.traces.embedding import WordLlamaEmbedder
assert "wordllama" not in sys.modules
embedder = WordLlamaEmbedder()
assert (embedder.model_name, embedder.dimensions) == ("wordllama-l2-supercat-256", 256)
assert "wordllama" not in sys.modules
assert embedder.embed(["hello"]).shape == (1, 256)
assert not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
