"""Inertia and silhouette against the usual scikit-learn recipe, on small data."""

import numpy as np
import pytest
from benchmarks.core import recipe
from benchmarks.data import FLAVOURS, mixture

from trace_clustering.clustering import cluster_embeddings


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_as_good_as_the_recipe(flavour: str, seed: int) -> None:
    embeddings = mixture(flavour, 500, 48, seed)
    theirs = recipe(embeddings)
    ours = cluster_embeddings(embeddings)
    for k, score in ours.scores_by_k.items():
        assert score.inertia <= theirs[k].inertia * 1.001
    # Among divisions of about the same inertia, luck decides whose silhouette is a little better.
    best = max(score.silhouette_score for score in theirs.values())
    assert ours.silhouette_score >= best - 0.005


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_finds_the_number_of_clear_clusters(k: int) -> None:
    rng = np.random.default_rng(k)
    truth = np.repeat(np.arange(k), np.arange(k) * 7 + 20)
    centres = 8 * rng.standard_normal((k, 30))
    found = cluster_embeddings(centres[truth] + rng.standard_normal((len(truth), 30)))
    assert found.optimal_k == k
    assert len(set(zip(truth.tolist(), found.labels.tolist(), strict=True))) == k
    assert np.bincount(found.labels).tolist() == sorted(np.bincount(truth), reverse=True)


def test_outlier_does_not_spoil_the_rest() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 40)
    embeddings = 6 * np.eye(3)[truth] + 0.3 * rng.standard_normal((120, 3))
    embeddings[0] *= 1e3
    found = cluster_embeddings(embeddings)
    assert found.optimal_k == 4
    assert np.bincount(found.labels).tolist() == [40, 40, 39, 1]
