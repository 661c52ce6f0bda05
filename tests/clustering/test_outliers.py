"""Which rows stand out, and how far."""

import numpy as np
import pytest
from benchmarks.data import mixture
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from trace_clustering.clustering.neighbours import kth_distances, nearest_rows
from trace_clustering.clustering.outliers import find_outliers, outlier_scores
from trace_clustering.clustering.silhouette import DistanceBlocks
from trace_clustering.clustering.threads import Workers
from trace_clustering.errors import InvalidInputError

Rows = NDArray[np.float64]


def groups_apart(rows: int, columns: int, seed: int = 0) -> tuple[Rows, NDArray[np.int64]]:
    """Six Gaussian groups of different spread, and which is whose."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, rows)
    centres = rng.standard_normal((6, columns)) * 4
    spreads = np.linspace(0.8, 1.2, 6)[labels, None]
    return centres[labels] + spreads * rng.standard_normal((rows, columns)), labels


def copies(of: Rows, count: int, noise: float, seed: int = 5) -> Rows:
    rng = np.random.default_rng(seed)
    return of + noise * rng.standard_normal((count, len(of)))


@pytest.mark.parametrize(("rows", "columns", "k"), [(7, 3, 6), (600, 2, 10), (1300, 40, 60)])
def test_neighbours_are_exact(rows: int, columns: int, k: int) -> None:
    embeddings = np.random.default_rng(1).standard_normal((rows, columns)).astype(np.float32)
    apart = cdist(embeddings, embeddings)
    np.fill_diagonal(apart, np.inf)
    expected = np.sort(apart, axis=1)[:, :k]
    with Workers() as workers:
        found, distances = nearest_rows(workers, embeddings, k)
        kth = kth_distances(DistanceBlocks(workers, embeddings), embeddings, k)
    assert distances == pytest.approx(expected, abs=1e-4)
    assert np.take_along_axis(apart, found, axis=1) == pytest.approx(expected, abs=1e-4)
    assert kth == pytest.approx(expected[:, -1], abs=1e-4)


def test_neighbours_among_rows_in_an_unlucky_order() -> None:
    """The columns that are looked at first are nearer than all others."""
    embeddings = np.random.default_rng(1).standard_normal((1600, 2)).astype(np.float32) + 9
    embeddings[::8] = np.random.default_rng(2).standard_normal((200, 2)) / 100
    apart = cdist(embeddings, embeddings)
    np.fill_diagonal(apart, np.inf)
    with Workers() as workers:
        _, distances = nearest_rows(workers, embeddings, 250)
    assert distances == pytest.approx(np.sort(apart, axis=1)[:, :250], abs=1e-2)


@pytest.mark.parametrize("columns", [2, 20, 300])
@pytest.mark.parametrize("tops", [1, 3, 6])
def test_foreign_rows_are_flagged_and_lead(columns: int, tops: int) -> None:
    embeddings, labels = groups_apart(900, columns)
    foreign = np.random.default_rng(9).standard_normal((12, columns)) * 60
    mixed = np.vstack([embeddings, foreign])
    found = find_outliers(mixed, np.append(labels, np.zeros(12, dtype=int)) % tops)
    assert found.flags[900:].all()
    assert found.flags[:900].mean() < 0.01
    assert found.scores[900:].min() > found.scores[:900].max()
    assert found.threshold == found.scores[found.flags].min()


@pytest.mark.parametrize("columns", [2, 10, 100])
@pytest.mark.parametrize("rows", [20, 300, 1200])
def test_nothing_stands_out_of_an_even_cloud(rows: int, columns: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        none = np.zeros(rows, dtype=int)
        flagged = [
            find_outliers(rng.standard_normal((rows, columns)), none).flags.sum(),
            find_outliers(rng.random((rows, columns)), none).flags.sum(),
            find_outliers(*groups_apart(rows, columns, seed)).flags.sum(),
        ]
        assert max(flagged) <= max(1, rows // 100)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-2, 0.5])
@pytest.mark.parametrize("tops", [1, 4])
def test_many_near_copies_are_a_group(noise: float, tops: int) -> None:
    embeddings, labels = groups_apart(1000, 30)
    foreign = copies(np.full(30, 12.0), 200, noise)
    labels = np.append(labels, np.zeros(200, dtype=int)) % tops
    found = find_outliers(np.vstack([embeddings, foreign]), labels)
    assert not found.flags[1000:].any()
    assert found.flags[:1000].sum() <= 5


@pytest.mark.parametrize("count", [1, 3, 5])
@pytest.mark.parametrize("noise", [0.0, 1e-2])
def test_few_near_copies_stand_out(count: int, noise: float) -> None:
    embeddings, labels = groups_apart(1000, 30)
    foreign = copies(np.full(30, 20.0), count, noise)
    labels = np.append(labels, np.zeros(count, dtype=int))
    found = find_outliers(np.vstack([embeddings, foreign]), labels)
    assert found.flags[1000:].all()
    assert found.flags[:1000].sum() <= 5


@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-2])
def test_a_mass_of_copies_makes_nothing_else_an_outlier(noise: float) -> None:
    embeddings, labels = groups_apart(300, 30)
    crowd = copies(embeddings[0], 2700, noise)
    labels = np.append(labels, np.full(2700, labels[0]))
    found = find_outliers(np.vstack([embeddings, crowd]), labels)
    assert found.flags.sum() <= 3


@pytest.mark.parametrize("share", [0.01, 0.03, 0.045])
def test_how_many_are_flagged_follows_from_how_many_there_are(share: float) -> None:
    rng = np.random.default_rng(0)
    strays = round(share * 1000)
    labels = rng.integers(0, 4, 1000 - strays)
    groups = 3 * rng.standard_normal((4, 16))[labels] + 0.3 * rng.standard_normal((len(labels), 16))
    mixed = np.vstack([groups, 8 * rng.standard_normal((strays, 16))])
    found = find_outliers(mixed, np.append(labels, np.arange(strays) % 4))
    assert found.flags[len(labels) :].all()
    assert found.flags[: len(labels)].mean() < 0.02


def test_what_is_foreign_among_equal_rows_is_more_unusual_than_they() -> None:
    strays = np.random.default_rng(3).standard_normal((5, 8))
    found = find_outliers(np.vstack([np.zeros((95, 8)), strays]), np.zeros(100, dtype=int))
    assert found.scores[:95].tolist() == [0.0] * 95
    assert found.scores[95:].min() > 0.5


def test_one_outlier_of_twenty_rows() -> None:
    embeddings = np.random.default_rng(4).standard_normal((20, 5))
    embeddings[7] += 50
    found = find_outliers(embeddings, np.zeros(20, dtype=int))
    assert np.flatnonzero(found.flags).tolist() == [7]


def test_equal_rows_have_nothing_unusual() -> None:
    found = find_outliers(np.full((50, 700), 0.3), np.zeros(50, dtype=int))
    assert found.threshold is None
    assert found.scores.tolist() == [1.0] * 50


def test_reasons() -> None:
    embeddings, labels = groups_apart(600, 10)
    embeddings = np.vstack([embeddings, np.full(10, 30.0), np.full(10, 5000.0)])
    found = find_outliers(embeddings, np.append(labels, [8, 0]))
    # Alone in its cluster, it is that cluster's centre.
    assert found.from_cluster[600] == 1
    assert found.reason(600) == (
        f"its nearest neighbours are {found.from_neighbours[600]:.0f} times as far away as is usual"
    )
    assert found.reason(601) == (
        f"{found.from_cluster[601]:.0f} times as far from its cluster's centre as is usual there; "
        "its nearest neighbours are over 100 times as far away as is usual"
    )


def test_order_of_rows_and_names_of_clusters_change_nothing() -> None:
    embeddings = mixture("unit_norm", 700, 50, 0)
    labels = np.arange(700) % 5
    moved = np.random.default_rng(2).permutation(700)
    scores = outlier_scores(embeddings, labels)
    assert outlier_scores(embeddings[moved], 100 - 7 * labels[moved]).tolist() == (
        scores[moved].tolist()
    )


def test_one_row_far_away_hides_no_other() -> None:
    embeddings, labels = groups_apart(600, 10)
    embeddings = np.vstack([embeddings, np.full(10, 30.0), np.full(10, 1e6)])
    found = find_outliers(embeddings, np.append(labels, [0, 0]))
    assert np.flatnonzero(found.flags).tolist() == [600, 601]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(2, 40),
    columns=st.integers(1, 5),
    values=st.integers(1, 4),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    seed=st.integers(0, 1000),
)
def test_any_rows_and_labels(rows: int, columns: int, values: int, scale: float, seed: int) -> None:
    """Few different values make many equal rows, distances and clusters."""
    rng = np.random.default_rng(seed)
    found = find_outliers(
        rng.integers(0, values, (rows, columns)) * scale, rng.integers(-2, 3, rows)
    )
    assert np.isfinite(found.scores).all()
    assert found.flags.mean() <= 0.1
    assert (found.threshold is None) == (not found.flags.any())
    assert all(found.reason(row) for row in range(rows))


@pytest.mark.parametrize("labels", [[0, 1], [[0], [1], [2]], [0.0, 1.0, 2.0], ["a", "b", "c"]])
def test_labels_are_checked(labels: list[object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        outlier_scores(np.eye(3), np.array(labels))
    assert caught.value.field == "labels"


def test_progress_ends_the_work() -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        outlier_scores(np.eye(30), np.zeros(30, dtype=int), on_progress=stop)
