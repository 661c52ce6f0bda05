"""Stability under resampling, against definitions written out and scikit-learn."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from trace_clustering.clustering.preparation import prepare
from trace_clustering.clustering.stability import (
    Stability,
    best_jaccards,
    mean_adjusted_rand,
    resample_stability,
)
from trace_clustering.clustering.threads import Workers

Labels = NDArray[np.int32]


@st.composite
def labelings(draw: st.DrawFn) -> Labels:
    """Two or three labelings (count, n) into at most four clusters."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.integers(2, 3)), draw(st.integers(2, 30))
    return rng.integers(0, draw(st.integers(1, 4)), shape, dtype=np.int32)


@given(labelings())
def test_agreement_is_the_mean_of_adjusted_rand_indices(found: Labels) -> None:
    expected = [adjusted_rand_score(one, other) for one, other in combinations(found, 2)]
    assert mean_adjusted_rand(found, 4) == pytest.approx(np.mean(expected))


@given(labelings())
def test_jaccards_are_those_of_the_definition(found: Labels) -> None:
    one_hot = np.eye(4, dtype=np.float32)
    sets = [[set(np.flatnonzero(labels == k)) for k in range(4)] for labels in found[:2]]
    expected = [
        max(len(one & other) / max(len(one | other), 1) for other in sets[1]) for one in sets[0]
    ]
    assert best_jaccards(one_hot[found[0]], one_hot[found[1]]).tolist() == pytest.approx(expected)


def stability_of(embeddings: NDArray[np.floating], labels: Labels) -> Stability:
    with Workers() as workers:
        prepared = prepare(workers, embeddings)
        rng = np.random.default_rng(0)
        return resample_stability(workers, prepared, labels[prepared.order], rng)


def test_clear_clusters_come_back_whole() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(90) % 3).astype(np.int32)
    embeddings = 20 * np.eye(3, 40)[labels] + rng.standard_normal((90, 40))
    found = stability_of(embeddings, labels)
    assert found.clusters.tolist() == [1.0, 1.0, 1.0]
    assert found.agreement == found.kept == 1.0


def test_clusters_that_are_not_in_the_data_do_not_come_back() -> None:
    """The resamples are clustered from scratch: no start leads back to given labels."""
    rng = np.random.default_rng(0)
    members = np.arange(90) % 3
    embeddings = 20 * np.eye(3, 40)[members] + rng.standard_normal((90, 40))
    labels = rng.permutation(members).astype(np.int32)
    found = stability_of(embeddings, labels)
    assert found.clusters.max() < 0.4
    assert found.agreement == 1.0


def test_a_cluster_that_two_groups_share() -> None:
    rng = np.random.default_rng(0)
    members = np.arange(120) % 4
    embeddings = 20 * np.eye(4, 40)[members] + rng.standard_normal((120, 40))
    found = stability_of(embeddings, np.minimum(members, 2).astype(np.int32))
    # Which two of four are united is a matter of chance, but no group is cut.
    assert found.clusters.min() < 0.9
    assert found.agreement < 0.9
    assert found.kept == 1.0


def test_many_rows_and_clusters_take_little_memory() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(5000) % 50).astype(np.int32)
    embeddings = 9 * rng.standard_normal((50, 4))[labels] + rng.standard_normal((5000, 4))
    tracemalloc.start()
    found = stability_of(embeddings, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.clusters.mean() > 0.6
    assert peak < 35 * 2**20
