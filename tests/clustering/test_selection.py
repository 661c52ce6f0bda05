"""The public functions: what they promise for good and for strange input."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from benchmarks.data import mixture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from trace_clustering.clustering import (
    Clustering,
    KSearch,
    cluster_embeddings,
    fit_clusters,
    search_k,
)
from trace_clustering.errors import DegenerateDataError, InvalidInputError


class Stop(Exception):
    """What a caller raises to end a computation."""


@st.composite
def strange_embeddings(draw: st.DrawFn) -> NDArray[Any]:
    """Few rows, often equal; constant columns; huge, tiny and integer values; odd layouts."""
    rows, columns = draw(st.integers(4, 40)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    distinct = draw(st.integers(1, rows))
    values = rng.standard_normal((distinct, columns))
    if draw(st.booleans()):
        values = np.round(values)
    values[:, : draw(st.integers(0, columns))] = draw(st.sampled_from([0.0, 1.0, -7.5]))
    values = values[rng.integers(0, distinct, rows)]
    values *= draw(st.sampled_from([1.0, 1e-20, 1e20, 3e37, 1e-30]))
    if draw(st.booleans()):
        values[0] *= draw(st.sampled_from([1e-3, 1e3, 0.0]))
    values = np.clip(values, -3e38, 3e38)
    kind = draw(st.sampled_from([np.float32, np.float64, np.int64]))
    if kind is np.int64:
        values = np.clip(values, -1000, 1000)
    layouts: list[Callable[[NDArray[Any]], NDArray[Any]]] = [
        lambda matrix: matrix,
        np.asfortranarray,
        lambda matrix: np.repeat(matrix, 2, axis=1)[:, ::2],
        lambda matrix: matrix[::-1],
    ]
    embeddings: NDArray[Any] = draw(st.sampled_from(layouts))(values.astype(kind))
    return embeddings


def assert_promises(embeddings: NDArray[Any], found: Clustering, ks: range) -> None:
    k, labels = found.optimal_k, found.labels
    sizes = np.bincount(labels)
    assert found.centroids.shape == (k, embeddings.shape[1])
    assert found.centroids.dtype == np.float32
    assert len(sizes) == k
    assert sizes.min() >= 1
    assert (np.diff(sizes) <= 0).all()
    exact = embeddings.astype(np.float64)
    means = np.stack([exact[labels == cluster].mean(axis=0) for cluster in range(k)])
    spread = float(np.abs(exact).max())
    np.testing.assert_allclose(found.centroids, means, rtol=1e-5, atol=1e-5 * spread)
    assert list(found.scores_by_k) == sorted(found.scores_by_k)
    assert set(found.scores_by_k) <= set(ks)
    assert found.silhouette_score == found.scores_by_k[k].silhouette_score
    assert found.inertia == found.scores_by_k[k].inertia
    assert found.inertia >= 0


@given(strange_embeddings())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_promises_hold_for_strange_input(embeddings: NDArray[Any]) -> None:
    before = embeddings.copy()
    try:
        found = cluster_embeddings(embeddings, min_k=2, max_k=5)
    except DegenerateDataError:
        assert len(np.unique(embeddings.astype(np.float32) + 0, axis=0)) <= 2
        return
    finally:
        np.testing.assert_array_equal(embeddings, before)
    assert_promises(embeddings, found, range(2, 6))
    order = np.random.default_rng(1).permutation(len(embeddings))
    shuffled = cluster_embeddings(embeddings[order], min_k=2, max_k=5)
    np.testing.assert_array_equal(shuffled.labels, found.labels[order])
    np.testing.assert_array_equal(shuffled.centroids, found.centroids)


@pytest.mark.parametrize("flavour", ["separated", "overlapping", "unequal", "unit_norm"])
def test_promises_hold_for_common_input(flavour: str) -> None:
    embeddings = mixture(flavour, 700, 150, 0)
    found = cluster_embeddings(embeddings)
    assert_promises(embeddings, found, range(3, 7))
    assert list(found.scores_by_k) == [3, 4, 5, 6]
    assert found.silhouette_score == max(s.silhouette_score for s in found.scores_by_k.values())
    expected = silhouette_score(embeddings, found.labels)
    assert found.silhouette_score == pytest.approx(expected, abs=1e-5)
    inertia = ((embeddings - found.centroids[found.labels]) ** 2).sum()
    assert found.inertia == pytest.approx(inertia, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_two_processes_get_what_one_gets(scale: float, kind: type) -> None:
    embeddings: NDArray[Any] = (mixture("unequal", 600, 64, 1) * scale + 3 * scale).astype(kind)
    search = search_k(embeddings)
    assert_search(search)
    fitted = fit_clusters(embeddings.copy(), search.centroids.tolist(), search.scores_by_k)
    whole = cluster_embeddings(embeddings)
    assert fitted.labels.tobytes() == whole.labels.tobytes()
    assert fitted.centroids.tobytes() == whole.centroids.tobytes()
    assert fitted.scores_by_k == whole.scores_by_k


def assert_search(search: KSearch) -> None:
    best = max(score.silhouette_score for score in search.scores_by_k.values())
    assert search.scores_by_k[search.optimal_k].silhouette_score == best
    assert len(search.centroids) == search.optimal_k
    assert (np.diff(np.bincount(search.labels)) <= 0).all()


def test_fit_scores_labels_that_the_search_did_not_have() -> None:
    embeddings = mixture("overlapping", 400, 30, 0)
    search = search_k(embeddings)
    elsewhere = embeddings[: search.optimal_k]
    found = fit_clusters(embeddings, elsewhere, search.scores_by_k)
    expected = silhouette_score(embeddings, found.labels)
    assert found.silhouette_score == pytest.approx(expected, abs=1e-5)
    without = fit_clusters(embeddings, elsewhere)
    assert without.silhouette_score == found.silhouette_score
    assert list(without.scores_by_k) == [search.optimal_k]


def test_integers_and_lists_are_accepted() -> None:
    values = [[0, 0], [0, 1], [50, 0], [50, 1], [0, 90], [0, 91], [1, 90]]
    found = cluster_embeddings(values)
    assert found.optimal_k == 3
    assert found.labels.tolist() == [1, 1, 2, 2, 0, 0, 0]


def test_every_tested_k_is_announced_in_order() -> None:
    announced: list[int] = []
    search = search_k(np.eye(5), min_k=2, max_k=9, on_k=announced.append)
    assert announced == [2, 3, 4] == list(search.scores_by_k)


def test_memory_does_not_grow_with_the_cube_of_max_k() -> None:
    embeddings = np.random.default_rng(0).standard_normal((300, 6))
    search_k(embeddings)
    tracemalloc.start()
    search = search_k(embeddings, max_k=30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(search.scores_by_k) == list(range(3, 31))
    assert peak < 25 * 2**20


def test_work_on_a_few_at_a_time_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = mixture("unequal", 700, 40, 0)
    together = search_k(embeddings, max_k=9)
    for name in ("final._MOST_SCORES", "silhouette._MOST_SUMS", "restarts._MOST_FULL"):
        monkeypatch.setattr(f"trace_clustering.clustering.{name}", 1)
    apart = search_k(embeddings, max_k=9)
    assert np.array_equal(apart.labels, together.labels)
    for k, score in together.scores_by_k.items():
        # Sums in another order: how they round depends on the processor.
        again = apart.scores_by_k[k].silhouette_score
        assert again == pytest.approx(score.silhouette_score, abs=1e-6)
        assert apart.scores_by_k[k].inertia == pytest.approx(score.inertia)


@pytest.mark.parametrize("columns", [8, 200])
def test_progress_is_told_and_can_stop(columns: int) -> None:
    embeddings = mixture("separated", 1200, columns, 0)
    calls: list[None] = []
    search_k(embeddings, on_progress=lambda: calls.append(None))
    assert len(calls) > 10

    def stop() -> None:
        calls.pop()
        if len(calls) % 7 == 0:
            raise Stop

    for _ in range(3):
        calls.append(None)
        with pytest.raises(Stop):
            search_k(embeddings, on_progress=stop)
    with pytest.raises(Stop):
        fit_clusters(embeddings, embeddings[:3], on_progress=stop)


@pytest.mark.parametrize(
    ("embeddings", "problem"),
    [
        (np.zeros(3), "2 dimensions"),
        (np.zeros((2, 2, 2)), "2 dimensions"),
        (np.zeros((1, 4)), "at least 2 rows"),
        (np.zeros((0, 4)), "at least 2 rows"),
        (np.zeros((4, 0)), "at least 2 rows"),
        ([[1.0, 2.0], [3.0]], "differ in length"),
        (np.full((4, 2), np.nan), "NaN"),
        (np.array([[0.0, 1.0], [np.inf, 1.0]]), "infinity"),
        (np.array([[0.0, 1.0], [1e39, 1.0]]), "float32"),
        (np.array([["a"], ["b"]]), "real numbers"),
        (np.eye(4) * 1j, "real numbers"),
    ],
)
def test_bad_embeddings_are_refused(embeddings: Any, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem) as caught:
        cluster_embeddings(embeddings)
    assert caught.value.field == "embeddings"


@pytest.mark.parametrize(
    ("field", "options"),
    [("min_k", {"min_k": 1}), ("max_k", {"min_k": 4, "max_k": 3}), ("seed", {"seed": -1})],
)
def test_bad_options_are_refused(field: str, options: dict[str, Any]) -> None:
    functions: list[Callable[..., object]] = [search_k, cluster_embeddings]
    for function in functions:
        with pytest.raises(InvalidInputError) as caught:
            function(np.eye(9), **options)
        assert caught.value.field == field


@pytest.mark.parametrize("centroids", [[1.0], np.eye(3), [[np.nan] * 9] * 2, np.ones((1, 9))])
def test_bad_centroids_are_refused(centroids: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        fit_clusters(np.eye(9), centroids)
    assert caught.value.field == "centroids"


@pytest.mark.parametrize(
    ("embeddings", "sentence"),
    [
        (np.ones((40, 3)), "all 40 vectors are equal"),
        (1 + 1e-12 * np.arange(40)[:, None], "all 40 vectors are equal in single precision"),
        (1e-300 * np.arange(40)[:, None], "all 40 vectors are equal in single precision"),
        (np.arange(40)[:, None] % 2, "only 2 distinct vectors among 40, fewer than min_k=3"),
        (np.eye(3), "3 vectors are too few for min_k=3 clusters"),
    ],
)
def test_data_without_clusters(embeddings: NDArray[Any], sentence: str) -> None:
    with pytest.raises(DegenerateDataError, match=sentence):
        cluster_embeddings(embeddings)


def test_equal_zeros_of_both_signs() -> None:
    with pytest.raises(DegenerateDataError, match="all 4 vectors are equal"):
        cluster_embeddings([[0.0], [-0.0], [0.0], [-0.0]])


def test_clusters_closer_than_float32_can_measure() -> None:
    embeddings: NDArray[np.float64] = np.zeros((30, 2))
    embeddings[:10, 0] = 1.0
    embeddings[10:20, 1] = 1e-25
    embeddings[20:22, 1] = 2e-25
    found = cluster_embeddings(embeddings)
    assert_promises(embeddings, found, range(3, 7))
