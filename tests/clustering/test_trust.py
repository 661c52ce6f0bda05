"""The verdict on clusters: right for noise, copies and clear mixtures, with reasons in words."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from benchmarks.gate import CASES, clusters, copies, sphere, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.clustering.test_selection import strange_embeddings
from trace_clustering.clustering import KScore, cluster_embeddings, threads
from trace_clustering.clustering.trust import Assessment, assess, assess_clustering
from trace_clustering.errors import DegenerateDataError, InvalidInputError

# Nothing a user would call a blob, and not always recognised: see the benchmark.
EXTREME = ("heavy-tailed blob", "skewed blob")
REQUIRED = ("random unit vectors", "tight blob", "95% copies, varied rest", "mixture")


class Stop(Exception):
    """What a caller raises to end a computation."""


def made(case: str, rows: int, columns: int, seed: int = 0) -> NDArray[Any]:
    return CASES[case][1](np.random.default_rng([seed, rows, columns]), rows, columns)


def blobs(centres: NDArray[Any], rows: int, seed: int = 0) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    members = np.arange(rows) % len(centres)
    return np.asarray(centres[members] + rng.standard_normal((rows, centres.shape[1])))


@pytest.mark.parametrize("case", [case for case in CASES if case not in EXTREME])
def test_verdicts(case: str) -> None:
    found = assess(made(case, 60, 32))
    assert found.verdict == CASES[case][0], found.reasons
    assert found.reasons


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", REQUIRED)
def test_verdicts_of_more_rows(case: str, seed: int) -> None:
    found = assess(made(case, 250, 200, seed), seed=seed)
    assert found.verdict == CASES[case][0], found.reasons
    assert found.reasons


def test_a_range_that_holds_the_number_of_clusters() -> None:
    found = assess(clusters()(np.random.default_rng(0), 400, 32), max_k=15)
    assert found.optimal_k == 12
    assert found.verdict == "good"
    assert min(found.stability) > 0.95
    assert found.agreement > 0.95
    assert found.outlier_share == 0
    assert found.reasons[1] == f"drawn anew, {np.mean(found.stability):.0%} of a cluster comes back"


def test_noise_in_words() -> None:
    found = assess(made("random unit vectors", 300, 16))
    (reason,) = found.reasons
    assert reason.startswith("no k separates these traces better than noise: silhouette 0.0")
    assert found.silhouette_score == max(found.silhouettes.values())
    assert list(found.silhouettes) == [3, 4, 5, 6]
    assert max(found.stability) < 0.7


def test_one_cluster_that_holds_nearly_all() -> None:
    found = assess(made("95% near-copies, varied rest", 300, 16))
    assert found.reasons[0] == "one cluster holds 95% of traces"
    assert found.largest_share == pytest.approx(0.95, abs=0.005)


def test_near_copies_that_every_k_must_divide() -> None:
    found = assess(copies(0.02, "cluster")(np.random.default_rng(0), 300, 384))
    assert found.verdict == "degenerate"
    assert found.largest_share < 0.9
    assert found.reasons == ("one of two groups holds 95% of traces, and more are not there",)


def test_clusters_that_touch_are_weak() -> None:
    found = assess(blobs(np.eye(3, 64) * 3.2, 600))
    assert found.verdict == "weak"
    assert found.reasons[-1].startswith("clusters touch: ")


def test_two_groups_where_three_were_asked_for_are_weak() -> None:
    found = assess(blobs(np.eye(2, 20) * 30, 200))
    assert found.verdict == "weak"
    assert found.reasons[0].startswith("two groups separate these traces (silhouette 0.")
    assert found.reasons[1].startswith("clusters change with the traces drawn: ")


@pytest.mark.parametrize("strays", [24, 36, 72])
def test_a_cluster_of_strays_is_a_doubt_however_stable_the_others_are(strays: int) -> None:
    rng = np.random.default_rng(0)
    groups = blobs(10 * rng.standard_normal((4, 16)), 600 - strays)
    found = assess(np.vstack([groups, 27 * rng.standard_normal((strays, 16))]))
    assert min(found.stability) < 0.5
    assert np.mean(sorted(found.stability)[2:]) > 0.9
    assert found.verdict == "weak"
    assert re.fullmatch(r"cluster \d comes back to \d+% in resamples", found.reasons[0])


def test_many_outliers_are_a_doubt() -> None:
    embeddings = blobs(np.eye(3, 20) * 30, 90)
    found = cluster_embeddings(embeddings)

    def judged(outlier_share: float | None) -> Assessment:
        return assess_clustering(
            embeddings, found.labels, found.scores_by_k, outlier_share=outlier_share
        )

    assert judged(None).verdict == judged(0.05).verdict == "good"
    assert judged(0.3).verdict == "weak"
    assert judged(0.3).reasons == ("30% of traces fit into no cluster",)


def test_groups_that_clusters_unite_in_changing_ways() -> None:
    found = assess(made("mixture", 240, 384))
    assert np.mean(found.stability) < 0.75
    assert found.verdict == "good"
    assert found.reasons[1].startswith("clusters unite smaller groups, each clear by itself")


@pytest.mark.parametrize("case", ["mixture on a grid", "mixture in a box"])
@pytest.mark.parametrize("columns", [2, 3])
def test_more_groups_in_few_columns_than_clusters_asked_for(case: str, columns: int) -> None:
    for seed in range(3):
        found = assess(made(case, 240, columns, seed), seed=seed)
        assert found.verdict == "good", found.reasons


def test_finer_groups_in_words() -> None:
    found = assess(made("mixture on a grid", 240, 2))
    assert found.silhouette_score < 0.7
    assert re.fullmatch(
        r"about 1[1-5] groups separate these traces \(silhouette 0\.\d\d\), "
        "and no cluster cuts through them",
        found.reasons[0],
    )


def test_clusters_that_cut_through_finer_groups_are_weak() -> None:
    found = assess_clustering(
        made("mixture on a grid", 240, 2), np.arange(240) % 50, {50: KScore(50, 0.4, 1.0)}
    )
    assert found.verdict == "weak"
    assert found.reasons[-1].startswith("clusters cut through groups: about 1")


@pytest.mark.parametrize("case", ["tight blob", "cube", "ball", "long blob", "sphere"])
@pytest.mark.parametrize("columns", [2, 3])
def test_no_groups_in_few_columns(case: str, columns: int) -> None:
    make = sphere if case == "sphere" else CASES[case][1]
    for seed, rows in enumerate((20, 60, 200)):
        found = assess(make(np.random.default_rng(seed), rows, columns), seed=seed)
        assert found.verdict == "degenerate", found.reasons


def test_few_rows_on_a_circle_are_no_strong_clusters() -> None:
    found = assess(sphere(np.random.default_rng(12), 20, 2))
    assert found.verdict == "degenerate", found.reasons


@pytest.mark.parametrize(
    ("embeddings", "reason", "largest_share"),
    [
        (np.ones((40, 3)), "all 40 vectors are equal in single precision", 1.0),
        (
            np.array([[0.0]] * 30 + [[-0.0]] * 6 + [[1.0]] * 4),
            "only 2 distinct vectors among 40, fewer than min_k=3",
            0.9,
        ),
        (np.eye(3), "3 vectors are too few for min_k=3 clusters", 1 / 3),
    ],
)
def test_data_that_cannot_be_divided(
    embeddings: NDArray[Any], reason: str, largest_share: float
) -> None:
    found = assess(embeddings)
    assert (found.verdict, found.reasons) == ("degenerate", (reason,))
    assert (found.optimal_k, found.stability, dict(found.silhouettes)) == (0, (), {})
    assert found.largest_share == pytest.approx(largest_share)


@given(strange_embeddings())
@settings(max_examples=12)
def test_strange_data_get_a_verdict(embeddings: NDArray[Any]) -> None:
    found = assess(embeddings)
    assert found.verdict in ("good", "weak", "degenerate")
    assert found.reasons
    assert len(found.stability) == found.optimal_k
    assert all(0 <= value <= 1 for value in found.stability)
    assert 0 < found.largest_share <= 1
    assert found.agreement <= 1
    assert np.isfinite([found.silhouette_score, found.null_silhouette, found.agreement]).all()


@given(st.randoms(use_true_random=False))
@settings(max_examples=3)
def test_the_order_of_the_rows_does_not_matter(random: Any) -> None:
    embeddings = unit(blobs(np.eye(4, 12) * 6, 150))
    order = list(range(len(embeddings)))
    random.shuffle(order)
    assert assess(embeddings[order]) == assess(embeddings)


def test_number_of_workers_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = made("mixture", 600, 520)
    expected = assess(embeddings)
    assert repr(assess(embeddings)) == repr(expected)
    monkeypatch.setattr(threads, "_usable_cores", lambda: 1)
    assert repr(assess(embeddings)) == repr(expected)


def test_the_seed_changes_only_details() -> None:
    embeddings = made("mixture", 200, 32)
    first, second = (assess(embeddings, seed=seed) for seed in (1, 2))
    assert first.verdict == second.verdict
    assert first.stability != second.stability


def test_progress_is_told_and_can_stop() -> None:
    embeddings = made("mixture", 200, 32)
    calls: list[None] = []
    assess(embeddings, on_progress=lambda: calls.append(None))
    assert len(calls) > 50
    left = len(calls) - 5

    def stop() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stop

    with pytest.raises(Stop):
        assess(embeddings, on_progress=stop)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("min_k", {"min_k": 1}),
        ("max_k", {"max_k": 2}),
        ("seed", {"seed": -1}),
        ("labels", {"labels": np.zeros(60, dtype=np.int32)}),
        ("labels", {"labels": np.arange(60) % 3 * 2}),
        ("labels", {"labels": np.arange(59) % 3}),
        ("labels", {"labels": np.arange(60) % 3 * 1.0}),
        ("scores_by_k", {"scores_by_k": {}}),
        ("outlier_share", {"outlier_share": 1.5}),
        ("outlier_share", {"outlier_share": float("nan")}),
    ],
)
def test_bad_arguments_are_refused(field: str, change: dict[str, Any]) -> None:
    embeddings = made("mixture", 60, 8)
    found = cluster_embeddings(embeddings)
    given = {"labels": found.labels, "scores_by_k": found.scores_by_k, **change}
    with pytest.raises(InvalidInputError) as caught:
        assess_clustering(embeddings, **given)
    assert caught.value.field == field


def test_bad_embeddings_are_refused() -> None:
    functions: list[Callable[[Any], object]] = [
        assess,
        lambda rows: assess_clustering(rows, [0, 1], {}),
    ]
    for function in functions:
        with pytest.raises(InvalidInputError, match="embeddings"):
            function(np.zeros(3))


def test_a_clustering_of_data_that_cannot_be_divided() -> None:
    with pytest.raises(DegenerateDataError, match="all 6 vectors are equal"):
        assess_clustering(np.ones((6, 2)), [0, 1, 2] * 2, {})
