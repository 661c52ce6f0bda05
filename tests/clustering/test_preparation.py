"""The order of rows that follows from their values alone."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from tests.clustering.test_selection import strange_embeddings
from trace_clustering.clustering import preparation
from trace_clustering.clustering.mapping import project_2d
from trace_clustering.clustering.neighbours import first_of_equals
from trace_clustering.clustering.preparation import Prepared, prepare
from trace_clustering.clustering.threads import Workers


def prepared(embeddings: NDArray[np.generic]) -> Prepared:
    with Workers() as workers:
        return prepare(workers, embeddings)


def assert_order_is_of_values(embeddings: NDArray[np.generic]) -> None:
    found = prepared(embeddings)
    moved = np.random.default_rng(1).permutation(len(embeddings))
    assert np.array_equal(prepared(embeddings[moved]).rows, found.rows)
    if len(embeddings) < 1000:
        assert first_of_equals(found.rows).sum() == len(np.unique(found.rows, axis=0))


def test_many_rows_of_two_values_are_told_apart() -> None:
    random = np.random.default_rng(0)
    rows: NDArray[np.float32] = random.choice(np.array([-1, 1], dtype=np.float32), (300_000, 64))
    assert_order_is_of_values(rows)


def test_rows_of_one_fingerprint_are_ordered_by_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        preparation, "_folded", lambda values: np.zeros(values.shape, dtype=np.uint64)
    )
    rows = np.random.default_rng(0).standard_normal((600, 8))
    rows[1::2] = rows[0]
    assert_order_is_of_values(rows)
    assert len(np.unique(project_2d(rows[:5])[::2], axis=0)) == 3
    assert len(np.unique(project_2d(rows[:5])[1::2], axis=0)) == 1


@settings(max_examples=50, deadline=None)
@given(strange_embeddings())
def test_order_of_strange_input(embeddings: NDArray[np.generic]) -> None:
    assert_order_is_of_values(embeddings)


def test_lengths_are_those_before_the_rows_were_centred() -> None:
    rows = 1e6 * (3 + np.random.default_rng(0).standard_normal((20_000, 30)))
    found = prepared(rows)
    tracemalloc.start()
    lengths = np.ldexp(found.lengths.astype(np.float64), found.exponent - found.zoom)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(found.to_caller_rows(lengths), expected, rtol=1e-5)
    assert peak < found.rows.nbytes / 2
    assert found.lengths is found.lengths
