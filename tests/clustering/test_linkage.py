"""Ward's tree against SciPy's, with weights against copies, and its cuts."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from trace_clustering.clustering.linkage import Cuts, Tree, ward
from trace_clustering.clustering.threads import Labels, Workers


def rows(count: int, columns: int, seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).standard_normal((count, columns)).astype(np.float32)
    return np.asarray(values - values.mean(axis=0))


def tree_of(points: NDArray[np.float32], **options: NDArray[np.generic]) -> Tree:
    with Workers() as workers:
        return ward(workers, points, **options)  # type: ignore[arg-type]


def same_partition(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    pairs = len(set(zip(one.tolist(), other.tolist(), strict=True)))
    return pairs == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.parametrize(("count", "columns"), [(2, 3), (3, 1), (60, 2), (700, 40)])
def test_the_same_tree_as_scipy(count: int, columns: int) -> None:
    points = rows(count, columns, count)
    expected = linkage(points.astype(np.float64), "ward")
    found = tree_of(points)
    np.testing.assert_allclose(found.heights, expected[:, 2], rtol=1e-4)
    np.testing.assert_array_equal(found.sizes, expected[:, 3])
    for groups in {1, 2, min(7, count), count}:
        theirs = fcluster(expected, groups, "maxclust")
        assert same_partition(Cuts(found).labels(groups), theirs)


def a_hub(spokes: int) -> NDArray[np.float32]:
    """Points of which most are nearest to one, so that few pairs are nearest to each other."""
    lengths = np.linspace(1, 1.2, spokes, dtype=np.float32)
    return np.vstack([np.zeros(spokes, dtype=np.float32), np.diag(lengths)])


def a_row_of_growing_gaps(count: int) -> NDArray[np.float32]:
    """Points of which the first two alone are nearest to each other."""
    return (1.1 ** np.arange(count))[:, None].astype(np.float32)


@pytest.mark.parametrize("points", [a_hub(300), a_row_of_growing_gaps(40)])
def test_where_few_pairs_are_nearest_to_each_other(points: NDArray[np.float32]) -> None:
    centred = points - points.mean(axis=0)
    expected = linkage(centred.astype(np.float64), "ward")
    found = tree_of(centred)
    np.testing.assert_allclose(found.heights, expected[:, 2], rtol=1e-3)
    assert_sound(found)


def test_a_weight_counts_as_so_many_copies() -> None:
    points = rows(40, 5, 0)
    weights = np.random.default_rng(1).integers(1, 6, 40)
    copies = np.repeat(np.arange(40), weights)
    light = tree_of(points[copies])
    heavy = tree_of(points, weights=weights.astype(np.float64))
    np.testing.assert_allclose(heavy.heights, light.heights[-39:], rtol=1e-4)
    for groups in (2, 9, 30):
        assert same_partition(Cuts(heavy).labels(groups)[copies], Cuts(light).labels(groups))


def test_groups_are_joined_inside_first() -> None:
    points = rows(50, 3, 2)
    groups = np.random.default_rng(3).integers(0, 4, 50).astype(np.int32)
    tree = tree_of(points, groups=groups)
    assert same_partition(Cuts(tree).labels(4), groups)
    assert (np.diff(tree.heights) >= 0).all()
    for count in (5, 20, 50):
        labels = Cuts(tree).labels(count)
        assert len({(a, b) for a, b in zip(labels, groups, strict=True)}) == count


def test_equal_points_join_at_zero() -> None:
    points = np.repeat(rows(5, 4, 4), 30, axis=0)
    tree = tree_of(points)
    assert (tree.heights[:-4] == 0).all()
    assert (tree.heights[-4:] > 0).all()


def test_runs_of_a_cut() -> None:
    tree = tree_of(rows(30, 2, 5))
    cuts = Cuts(tree)
    for groups in (1, 2, 11, 30):
        begins: Labels = cuts.begins(groups)
        labels = cuts.labels(groups)[cuts.order]
        assert begins.tolist() == np.flatnonzero(np.diff(labels, prepend=-1)).tolist()


def test_one_point() -> None:
    tree = tree_of(np.zeros((1, 2), dtype=np.float32))
    assert tree.points == 1
    assert Cuts(tree).labels(1).tolist() == [0]


def partition_of_a_simplex(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The means of parts of 6 to 60 points all equally far apart, and the parts' sizes.

    Any two unions of them are equally high, so that rounding alone says which is lowest.
    """
    random = np.random.default_rng(seed)
    count, parts = int(random.integers(6, 60)), int(random.integers(3, 7))
    part_of = np.append(np.arange(parts), random.integers(0, parts, count - parts))
    corners = np.eye(count, dtype=np.float32)
    corners -= corners.mean(axis=0)
    means = np.array([corners[part_of == part].mean(axis=0) for part in range(parts)])
    return means.astype(np.float32), np.bincount(part_of).astype(np.float64) * 8


def assert_sound(tree: Tree) -> None:
    assert np.isfinite(tree.heights).all()
    assert (np.diff(tree.heights) >= 0).all()
    assert sorted(tree.children.ravel().tolist()) == list(range(2 * tree.points - 2))


def test_exact_ties_between_groups() -> None:
    with Workers() as workers:
        for seed in range(400):
            tree = ward(workers, *partition_of_a_simplex(seed))
            assert_sound(tree)
            assert np.abs(tree.heights - 4.0).max() < 1e-4


@pytest.mark.parametrize(("corners", "copies"), [(30, 8), (7, 1), (300, 2), (61, 9)])
def test_exact_ties_between_points(corners: int, copies: int) -> None:
    points = np.repeat(np.eye(corners, dtype=np.float32), copies, axis=0)
    points -= points.mean(axis=0)
    tree = tree_of(points)
    assert_sound(tree)
    expected = linkage(points.astype(np.float64), "ward")[:, 2]
    np.testing.assert_allclose(tree.heights, expected, rtol=1e-4, atol=1e-6)


def test_ties_on_a_grid() -> None:
    for seed, (count, columns) in enumerate([(40, 3)] * 50 + [(600, 90)]):
        points = np.random.default_rng(seed).integers(-2, 3, (count, columns)).astype(np.float32)
        assert_sound(tree_of(points - points.mean(axis=0)))


@pytest.mark.parametrize("points", [rows(1000, 2, 7), a_hub(999)])
def test_can_be_cancelled_amid_the_merges(points: NDArray[np.float32]) -> None:
    calls: list[None] = []

    def stop_late() -> None:
        calls.append(None)
        if len(calls) > 3:
            raise InterruptedError

    with pytest.raises(InterruptedError), Workers(stop_late) as workers:
        ward(workers, points)
