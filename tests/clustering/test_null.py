"""Noise in the likeness of data: each kind is the harder one for some data without clusters."""

import numpy as np
import pytest
from benchmarks.gate import correlated_blob, skewed, sphere
from numpy.typing import NDArray

from trace_clustering.clustering import search_k
from trace_clustering.clustering.null import Null, null_silhouettes
from trace_clustering.clustering.preparation import prepare
from trace_clustering.clustering.threads import Workers


def null_of(
    embeddings: NDArray[np.float64], ks: range = range(3, 7), silhouette: float = 0.0
) -> Null:
    with Workers() as workers:
        prepared = prepare(workers, embeddings)
        before = prepared.rows.copy()
        null = null_silhouettes(workers, prepared, ks, silhouette, np.random.default_rng(0))
        assert np.array_equal(prepared.rows, before)
        return null


def best(embeddings: NDArray[np.float64]) -> float:
    found = search_k(embeddings)
    return found.scores_by_k[found.optimal_k].silhouette_score


def test_shuffling_misses_what_a_long_cloud_explains() -> None:
    embeddings = correlated_blob(np.random.default_rng(0), 200, 50)
    null = null_of(embeddings)
    assert best(embeddings) > 2 * null.shuffled
    assert best(embeddings) < 1.2 * null.cloud


def test_a_cloud_misses_what_the_columns_explain() -> None:
    embeddings = skewed(np.random.default_rng(0), 200, 2)
    null = null_of(embeddings)
    assert null.shuffled > 1.2 * null.cloud
    assert best(embeddings) < 1.2 * null.shuffled


def test_rows_on_a_sphere_are_compared_with_rows_on_a_sphere() -> None:
    circle = sphere(np.random.default_rng(0), 200, 2)
    for embeddings in (circle, 1e-3 * circle, 1e6 * circle):
        assert null_of(embeddings).cloud == pytest.approx(best(embeddings), rel=0.1)


@pytest.mark.parametrize("columns", [1, 3])
def test_data_with_few_distinct_values(columns: int) -> None:
    embeddings = np.eye(4)[np.arange(40) % 4, :columns]
    null = null_of(embeddings, range(2, 3))
    assert -1 <= null.shuffled <= 1
    assert 0 < null.cloud <= 1


def test_clear_clusters_need_little_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[int] = []

    def counted(noise: NDArray[np.float32], *_: object) -> float:
        searches.append(len(noise))
        return 0.1

    monkeypatch.setattr("trace_clustering.clustering.null._best_silhouette", counted)
    for rows, silhouette, draws in [
        *((1200, 0.15, 2), (1200, 0.25, 1)),
        *((500, 0.15, 4), (500, 0.25, 2)),
        *((100, 0.15, 4), (100, 0.25, 4)),
    ]:
        searches.clear()
        null_of(np.random.default_rng(0).standard_normal((rows, 3)), silhouette=silhouette)
        assert searches == [min(rows, 1000)] * 3 * draws
