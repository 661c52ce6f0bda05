"""The tree of groups, its leaf level, and what is shown of it."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from benchmarks.data import mixture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import is_valid_linkage
from sklearn.metrics import adjusted_mutual_info_score

from tests.clustering.test_selection import Stop, strange_embeddings
from trace_clustering.clustering import cluster_embeddings, levels, micro, search_k, threads
from trace_clustering.clustering.hierarchy import Hierarchy, hierarchy
from trace_clustering.clustering.levels import ClusterLevels, cluster_levels
from trace_clustering.clustering.mapping import project_2d
from trace_clustering.clustering.outliers import outlier_scores
from trace_clustering.clustering.preparation import check_arguments
from trace_clustering.clustering.representatives import representatives
from trace_clustering.errors import InvalidInputError


def clusters(count: int, rows: int, columns: int, apart: float, seed: int = 0) -> tuple[Any, Any]:
    """Gaussian clusters with centres about ``apart`` standard deviations from each other."""
    rng = np.random.default_rng([count, rows, columns, seed])
    truth = rng.integers(0, count, rows)
    centres = rng.standard_normal((count, columns)) * apart / np.sqrt(2 * columns)
    return centres[truth] + rng.standard_normal((rows, columns)), truth


def assert_nested(found: ClusterLevels, counts: list[int]) -> None:
    above = found.labels_at(1)
    for count in sorted(counts):
        labels = found.labels_at(count)
        assert labels.dtype == np.int32
        sizes = np.bincount(labels)
        assert len(sizes) == count
        assert sizes.tolist() == sorted(sizes, reverse=True)
        assert len(np.unique(np.column_stack([labels, above]), axis=0)) == count
        above = labels


@pytest.mark.parametrize(
    ("count", "rows", "columns", "apart"),
    [(2, 200, 10, 8), (12, 900, 384, 14), (40, 1200, 20, 10), (60, 1500, 100, 12)],
)
def test_as_many_leaves_as_clusters(count: int, rows: int, columns: int, apart: float) -> None:
    embeddings, truth = clusters(count, rows, columns, apart)
    found = cluster_levels(embeddings)
    assert count / 1.5 <= found.n_leaves <= count * 1.5
    assert adjusted_mutual_info_score(truth, found.leaf_labels) > 0.9
    assert_nested(found, [2, 3, 7, found.n_leaves, 100])
    assert np.array_equal(found.leaf_labels, found.labels_at(found.n_leaves))


def halves_of_groups(rows: int) -> Any:
    """Two halves far from each other, each of five groups that touch."""
    rng = np.random.default_rng(1)
    halves = 30 * rng.standard_normal((2, 16))
    centres = halves.repeat(5, axis=0) + 1.2 * rng.standard_normal((10, 16))
    truth = rng.integers(0, 10, rows)
    return centres[truth] + rng.standard_normal((rows, 16))


def test_a_perfect_coarse_division_hides_no_finer_groups() -> None:
    embeddings = halves_of_groups(600)
    assert 7 <= cluster_levels(embeddings).n_leaves <= 15


def test_clusters_decide_how_few_leaves_there_are_and_not_how_many() -> None:
    embeddings, _ = clusters(20, 800, 50, 14)
    free = cluster_levels(embeddings).n_leaves
    tops = cluster_embeddings(embeddings).labels
    # Numbers are tried in steps, which begin with that of the clusters.
    assert cluster_levels(embeddings, within=tops).n_leaves == pytest.approx(free, rel=0.1)
    assert cluster_levels(embeddings, within=np.arange(800) % 40).n_leaves == 40


def test_unit_vectors_in_clusters() -> None:
    embeddings = mixture("unit_norm", 800, 384, 0)
    assert 8 <= cluster_levels(embeddings).n_leaves <= 18


@pytest.mark.parametrize("columns", [2, 30, 384])
def test_clouds_are_one_leaf(columns: int) -> None:
    """All but one in a hundred: the certainty with which a division is more than a cloud's."""
    spectrum = np.arange(1, columns + 1) ** -0.5
    clouds = [np.random.default_rng(seed).standard_normal((600, columns)) for seed in range(6)]
    found = [cluster_levels(cloud * spectrum) for cloud in clouds]
    assert sum(levels.n_leaves == 1 for levels in found) >= 5
    assert all(levels.leaf_labels.max() == levels.n_leaves - 1 for levels in found)


def test_random_unit_vectors_are_one_leaf() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 100))
    assert cluster_levels(rows / np.linalg.norm(rows, axis=1, keepdims=True)).n_leaves == 1


def test_equal_rows_are_one_leaf() -> None:
    found = cluster_levels(np.ones((50, 3)))
    assert found.n_leaves == 1
    assert found.most_groups == 1
    assert (found.tree.heights == 0).all()


@pytest.mark.parametrize("columns", [8, 384])
def test_copies_of_a_row_share_a_leaf(columns: int) -> None:
    rng = np.random.default_rng(0)
    which = rng.integers(0, 60, 600)
    levels = cluster_levels(rng.normal(size=(60, columns))[which])
    assert levels.n_leaves <= 60
    assert len(np.unique(np.column_stack([which, levels.leaf_labels]), axis=0)) == 60
    assert levels.most_groups == 60
    for count in range(1, 61):
        both = np.unique(np.column_stack([which, levels.labels_at(count)]), axis=0)
        assert len(both) == 60
    with pytest.raises(InvalidInputError, match="n_groups: must be 1 to 60"):
        levels.labels_at(61)


def test_copies_in_different_clusters_are_parted() -> None:
    which = np.arange(60) % 6
    top = np.arange(60) // 30
    found = cluster_levels(np.eye(6)[which], within=top)
    assert found.most_groups == 12
    assert_nested(found, [2, found.n_leaves, 12])
    assert_promises(hierarchy(found, top), found, top)


@pytest.mark.parametrize(("corners", "copies"), [(30, 8), (100, 2)])
def test_copies_all_equally_far_apart(corners: int, copies: int) -> None:
    rows = np.repeat(np.eye(corners, dtype=np.float32), copies, axis=0)
    top = np.asarray(cluster_embeddings(rows).labels)
    found = cluster_levels(rows, within=top)
    # Of rows equally far apart a few have the same neighbours and so the same mean.
    assert corners - 2 <= found.most_groups <= corners
    moved = np.random.default_rng(0).permutation(len(rows))
    again = cluster_levels(rows[moved], within=top[moved])
    for count in (top.max() + 1, found.n_leaves, found.most_groups):
        assert np.array_equal(again.labels_at(count), found.labels_at(count)[moved])
    assert_promises(hierarchy(found, top), found, top)


@pytest.mark.parametrize("rows", [2, 3, 5, 11])
def test_few_rows(rows: int) -> None:
    found = cluster_levels(np.arange(rows)[:, None] ** 2.0)
    assert found.n_leaves == 1
    assert_nested(found, list(range(1, rows + 1)))


def test_the_tree_is_as_scipys() -> None:
    embeddings, _ = clusters(5, 120, 6, 8)
    tree = cluster_levels(embeddings * 1e3).tree
    merges = np.column_stack([tree.children, tree.heights, tree.sizes])
    assert is_valid_linkage(merges.astype(np.float64))
    assert tree.heights[-1] > 1e3


def test_leaves_are_parts_of_given_clusters() -> None:
    embeddings, _ = clusters(20, 800, 30, 10)
    top = cluster_embeddings(embeddings).labels
    found = cluster_levels(embeddings, within=top)
    assert 13 <= found.n_leaves <= 30
    for count in (top.max() + 1, found.n_leaves, 60):
        both = np.unique(np.column_stack([found.labels_at(count), top]), axis=0)
        assert len(both) == count


def test_a_cloud_within_clusters_has_these_as_leaves() -> None:
    rows = np.random.default_rng(1).standard_normal((300, 8))
    top = cluster_embeddings(rows).labels
    found = cluster_levels(rows, within=top)
    assert np.array_equal(np.bincount(found.leaf_labels), np.bincount(top))
    assert hierarchy(found, top).sizes == [top.max() + 1]


def test_order_of_rows_and_names_of_clusters_do_not_matter() -> None:
    embeddings, _ = clusters(15, 500, 20, 7)
    embeddings[100:120] = embeddings[:20]
    top = np.asarray(cluster_embeddings(embeddings).labels)
    found = cluster_levels(embeddings, within=top)
    moved = np.random.default_rng(0).permutation(500)
    again = cluster_levels(embeddings[moved], within=7 - 2 * top[moved])
    for count in (2, top.max() + 1, found.n_leaves, 100):
        assert np.array_equal(again.labels_at(count), found.labels_at(count)[moved])
    assert found.tree.heights.tobytes() == again.tree.heights.tobytes()


def test_number_of_workers_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, _ = clusters(9, 700, 520, 14)
    expected = cluster_levels(embeddings)
    monkeypatch.setattr(threads, "_usable_cores", lambda: 1)
    found = cluster_levels(embeddings)
    assert found.leaf_labels.tobytes() == expected.leaf_labels.tobytes()
    assert found.tree.heights.tobytes() == expected.tree.heights.tobytes()


def test_many_rows_by_micro_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "_MAX_ROWS", 900)
    monkeypatch.setattr(micro, "_POINTS", 300)
    embeddings, truth = clusters(10, 1000, 20, 10)
    top = (truth // 4).astype(np.int64)
    found = cluster_levels(embeddings, within=top)
    assert found.tree.points <= 310
    assert 7 <= found.n_leaves <= 15
    assert adjusted_mutual_info_score(truth, found.leaf_labels) > 0.9
    assert_nested(found, [3, found.n_leaves, 100])
    moved = np.random.default_rng(0).permutation(1000)
    again = cluster_levels(embeddings[moved], within=top[moved])
    assert np.array_equal(again.leaf_labels, found.leaf_labels[moved])
    assert_promises(hierarchy(found, top), found, top)


def test_as_many_micro_clusters_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "_MAX_ROWS", 300)
    monkeypatch.setattr(micro, "_POINTS", 150)
    rows = np.random.default_rng(0).standard_normal((302, 4))
    rows[::2] += 100
    pairs = np.arange(302) // 2
    found = cluster_levels(rows, within=pairs)
    assert found.tree.points == 302
    assert np.array_equal(np.unique(found.points), np.arange(302))
    assert_promises(hierarchy(found, pairs), found, pairs)


def test_micro_clusters_that_are_parted_often_take_little_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(levels, "_MAX_ROWS", 900)
    monkeypatch.setattr(micro, "_POINTS", 300)
    rows = np.random.default_rng(0).standard_normal((4000, 3))
    top = np.arange(4000) % 60
    tracemalloc.start()
    found = cluster_levels(rows, within=top)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tree.points > 3000
    assert found.n_leaves == 60
    assert peak < 40 * 2**20


def test_too_many_clusters_to_divide() -> None:
    problem = "within: expected at most 4000 clusters, got 4001"
    with pytest.raises(InvalidInputError, match=problem):
        cluster_levels(np.arange(4002)[:, None], within=np.append(0, np.arange(4001)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strange_embeddings(), st.integers(1, 4), st.integers(0, 2**32))
def test_strange_input(embeddings: NDArray[Any], tops: int, seed: int) -> None:
    top = np.random.default_rng(seed).integers(0, tops, len(embeddings))
    top = np.unique(top, return_inverse=True)[1]
    found = cluster_levels(embeddings, within=top, seed=seed)
    assert_nested(found, [1, found.n_leaves, found.most_groups])
    assert_promises(hierarchy(found, top), found, top)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("seed", {"seed": -1}),
        ("within", {"within": [0, 1]}),
        ("within", {"within": np.zeros(20)}),
        ("within", {"within": [[0], [0, 1]]}),
        ("within", {"within": ["a"] * 20}),
        *(("seed", {"seed": seed}) for seed in (1.5, "a", None, True)),
    ],
)
def test_arguments_that_cannot_be_accepted(field: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        cluster_levels(np.eye(20), **arguments)
    assert caught.value.field == field


@pytest.mark.parametrize("count", [0, 21])
def test_numbers_of_groups_that_do_not_exist(count: int) -> None:
    with pytest.raises(InvalidInputError, match="n_groups: must be 1 to 20"):
        cluster_levels(np.eye(20)).labels_at(count)


@pytest.mark.parametrize("count", ["a", 1.5, None, True, np.float64(2)])
def test_numbers_of_groups_that_are_no_whole_numbers(count: Any) -> None:
    found = cluster_levels(np.eye(20))
    with pytest.raises(InvalidInputError, match="n_groups: expected a whole number"):
        found.labels_at(count)
    assert np.array_equal(found.labels_at(np.int32(3)), found.labels_at(3))  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [1.5, "a", None, True])
@pytest.mark.parametrize("name", ["min_k", "max_k", "seed"])
def test_arguments_that_are_no_whole_numbers(name: str, wrong: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"{name}: expected a whole number"):
        check_arguments(**{"min_k": 3, "max_k": 6, "seed": 0, name: wrong})


@pytest.mark.parametrize("labels", [[[0], [0, 1]], ["a"] * 8, [0.5] * 8, None, 3, [True] * 8])
@pytest.mark.parametrize("function", [outlier_scores, representatives])
def test_labels_that_are_no_whole_numbers(function: Any, labels: Any) -> None:
    with pytest.raises(InvalidInputError, match="labels: expected a whole number"):
        function(np.eye(8), labels)


def test_other_arguments_of_wrong_types() -> None:
    labels = [0] * 8
    with pytest.raises(InvalidInputError, match="centroids"):
        representatives(np.eye(8), labels, [[0], [0, 1]])
    for wrong in ("a", 1.5, None, True):
        with pytest.raises(InvalidInputError, match="limit"):
            representatives(np.eye(8), labels, limit=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match="seed"):
            project_2d(np.eye(8), seed=wrong)  # type: ignore[arg-type]


def test_progress_may_end_the_work() -> None:
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls > 30:
            raise Stop

    with pytest.raises(Stop):
        cluster_levels(clusters(5, 300, 10, 8)[0], on_progress=count)


def assert_promises(shown: Hierarchy, found: ClusterLevels, top: NDArray[Any]) -> None:
    k, leaves = int(top.max()) + 1, found.n_leaves
    assert shown.sizes[0] == k
    assert shown.sizes[-1] == leaves
    assert all(one < other for one, other in zip(shown.sizes, shown.sizes[1:], strict=False))
    for level, size in enumerate(shown.sizes):
        here = [node for node in shown.nodes if node.first_level <= level <= node.last_level]
        assert len(here) == size
        assert sum(node.size for node in here) == len(top)
    assert [node.group_id for node in shown.nodes] == list(range(len(shown.nodes)))
    by_leaf = {
        node.group_id: node for node in shown.nodes if node.last_level == len(shown.sizes) - 1
    }
    ids, sizes = np.unique(shown.leaf_ids, return_counts=True)
    assert {int(number): int(size) for number, size in zip(ids, sizes, strict=True)} == {
        number: node.size for number, node in by_leaf.items()
    }
    for leaf in np.unique(shown.leaf_ids):
        number = int(leaf)
        while (parent := shown.nodes[number].parent) is not None:
            assert shown.nodes[parent].last_level == shown.nodes[number].first_level - 1
            number = parent
        assert (top[shown.leaf_ids == leaf] == number).all()
    assert len(shown.merges) == leaves - 1
    joined = sorted(side for one, other, _ in shown.merges for side in (one, other))
    assert joined == list(range(max(0, 2 * leaves - 2)))
    heights = [height for _, _, height in shown.merges]
    assert heights == sorted(heights)


def test_what_is_shown() -> None:
    embeddings, _ = clusters(48, 1500, 30, 14)
    top = cluster_embeddings(embeddings, min_k=3, max_k=3).labels
    found = cluster_levels(embeddings, within=top)
    shown = hierarchy(found, top)
    assert_promises(shown, found, top)
    assert len(shown.sizes) == 3
    assert [node.size for node in shown.nodes[:3]] == np.bincount(top).tolist()
    for level in (1, 2):
        sizes = [node.size for node in shown.nodes if node.first_level == level]
        assert sizes == sorted(sizes, reverse=True)


def test_few_leaves_have_no_level_in_between() -> None:
    embeddings, _ = clusters(8, 400, 30, 14)
    top = cluster_embeddings(embeddings, min_k=4, max_k=4).labels
    found = cluster_levels(embeddings, within=top)
    assert len(hierarchy(found, top).sizes) == 2


def test_levels_of_other_clusters_are_refused() -> None:
    embeddings, _ = clusters(8, 400, 30, 14)
    found = cluster_levels(embeddings)
    for top in (np.arange(400) % 3, np.zeros(400), np.zeros(5, dtype=int), np.full(400, 2)):
        with pytest.raises(InvalidInputError, match="top"):
            hierarchy(found, top)


def test_results_are_equal_to_themselves_alone() -> None:
    rows = np.arange(20)[:, None] ** 2
    for find in (cluster_embeddings, search_k, cluster_levels):
        found = find(rows)
        assert found == found
        assert found != find(rows)
    levels = cluster_levels(rows)
    shown = hierarchy(levels, np.zeros(20, dtype=int))
    assert (levels.tree == levels.tree, shown == shown) == (True, True)
    assert shown != hierarchy(levels, np.zeros(20, dtype=int))
