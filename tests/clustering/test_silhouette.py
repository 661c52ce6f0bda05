"""Silhouettes against scikit-learn's."""

import numpy as np
import pytest
from numpy.typing import ArrayLike
from sklearn.metrics import silhouette_score

from trace_clustering.clustering.preparation import prepare
from trace_clustering.clustering.silhouette import DistanceBlocks, silhouette_samples
from trace_clustering.clustering.threads import Labels, Workers


def silhouette_scores(embeddings: ArrayLike, labelings: list[Labels]) -> list[float]:
    with Workers() as workers:
        prepared = prepare(workers, embeddings)
        ordered = [labels[prepared.order] for labels in labelings]
        samples = silhouette_samples(DistanceBlocks(workers, prepared.rows), ordered)
        return [float(sample.mean()) for sample in samples]


@pytest.mark.parametrize(("rows", "columns"), [(5, 1), (60, 3), (513, 20), (1100, 200)])
@pytest.mark.parametrize("seed", [0, 1])
def test_equal_scikit_learn(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((rows, columns)) + 3
    # Sizes of clusters differ a lot, and some clusters hold one row.
    labelings = [np.sort((rng.random(rows) ** 3 * k).astype(int)) for k in (2, 3, 6)]
    labelings = [np.unique(labels, return_inverse=True)[1] for labels in labelings]
    labelings = [labels.astype(np.int32) for labels in labelings if 1 < labels.max() + 1 < rows]
    expected = [silhouette_score(embeddings, labels) for labels in labelings]
    assert silhouette_scores(embeddings, labelings) == pytest.approx(expected, abs=1e-4)


def test_singletons_score_zero() -> None:
    embeddings = np.array([[0.0], [0.1], [5.0], [9.0]])
    labels = np.array([0, 0, 1, 2], dtype=np.int32)
    expected = silhouette_score(embeddings, labels)
    assert silhouette_scores(embeddings, [labels]) == pytest.approx([expected], abs=1e-6)


@pytest.mark.parametrize("columns", [2, 40, 700])
def test_duplicates_are_at_distance_zero(columns: int) -> None:
    rng = np.random.default_rng(3)
    distinct = rng.standard_normal((4, columns)) + 10
    labels = rng.permutation(np.arange(1200) % 4).astype(np.int32)
    embeddings = distinct[labels]
    assert silhouette_scores(embeddings, [labels]) == pytest.approx([1.0], abs=1e-4)
    halves = (labels // 2).astype(np.int32)
    expected = silhouette_score(embeddings, halves)
    assert silhouette_scores(embeddings, [halves]) == pytest.approx([expected], abs=1e-4)


def test_tight_clusters_far_from_the_origin() -> None:
    rng = np.random.default_rng(5)
    labels = (np.arange(300) % 3).astype(np.int32)
    embeddings = 1e4 + 10.0 * labels[:, None] + rng.standard_normal((300, 30))
    expected = silhouette_score(embeddings, labels)
    assert silhouette_scores(embeddings, [labels]) == pytest.approx([expected], abs=1e-4)
