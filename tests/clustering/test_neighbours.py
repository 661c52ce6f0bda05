"""Distances to nearest rows, where rounding is as large as they are."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from trace_clustering.clustering import find_outliers, neighbours
from trace_clustering.clustering.neighbours import kth_distances
from trace_clustering.clustering.preparation import prepare
from trace_clustering.clustering.silhouette import DistanceBlocks
from trace_clustering.clustering.threads import Workers


def kth_of(
    embeddings: NDArray[np.floating], k: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The distances to the k-th nearest, and the rows that they are of."""
    with Workers() as workers:
        rows = prepare(workers, embeddings).rows
        return kth_distances(DistanceBlocks(workers, rows), rows, k), rows


def tight_groups(rows: int, columns: int, spread: float) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    centres = rng.choice([-1.0, 1.0], (3, columns))
    return centres[np.arange(rows) % 3] + spread * rng.standard_normal((rows, columns))


@pytest.mark.parametrize("columns", [3, 8, 300])
@pytest.mark.parametrize("spread", [1e-4, 1e-5, 1e-2])
def test_neighbours_in_tight_groups(
    columns: int, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_CLOSE_ROWS", 50)
    monkeypatch.setattr(neighbours, "_CLOSE_COLUMNS", 70)
    embeddings = tight_groups(900, columns, spread)
    embeddings[::2] += 1e-3
    kth, rows = kth_of(embeddings, 10)
    apart = cdist(rows, rows)
    np.fill_diagonal(apart, np.inf)
    expected = np.sort(apart, axis=1)[:, 9]
    # Zero only where values of single precision are as near to each other as they can be.
    longest = float(np.linalg.norm(rows, axis=1).max())
    assert kth == pytest.approx(expected, rel=0.05, abs=2e-6 * longest)
    assert (kth > 0).mean() > 0.9


def test_a_row_off_its_tight_group_stands_out() -> None:
    labels = np.arange(400) % 2
    embeddings = np.where(labels, 1.0, -1.0)[:, None] + np.zeros(8)
    embeddings += 1e-4 * np.random.default_rng(0).standard_normal(embeddings.shape)
    embeddings[17, :4] += 2.5e-3
    found = find_outliers(embeddings, labels)
    assert np.flatnonzero(found.flags).tolist() == [17]
    assert found.scores[17] > 5


def test_copies_but_for_rounding_are_at_no_distance() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((20, 200))[np.arange(600) % 20]
    assert (kth_of(embeddings, 10)[0] == 0).all()
    nearly = embeddings * (1 + 1e-7 * rng.standard_normal(embeddings.shape))
    assert (kth_of(nearly, 10)[0] == 0).all()
    # More neighbours than there are copies.
    assert (kth_of(nearly, 30)[0] > 1).all()
