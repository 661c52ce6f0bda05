"""The same bytes come out whatever number of threads is allowed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from benchmarks.data import mixture
from threadpoolctl import threadpool_info, threadpool_limits

from trace_clustering.clustering import cluster_embeddings, threads


def result_bytes(rows: int = 1300, columns: int = 200) -> bytes:
    found = cluster_embeddings(mixture("unit_norm", rows, columns, 0))
    scores = [(score.silhouette_score, score.inertia) for score in found.scores_by_k.values()]
    return found.labels.tobytes() + found.centroids.tobytes() + repr(scores).encode()


def test_thread_limits_change_nothing() -> None:
    with threadpool_limits(1):
        one = result_bytes()
    with threadpool_limits(2):
        two = result_bytes()
    assert one == two == result_bytes()


def test_number_of_workers_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = result_bytes()
    for count in (1, 3):
        monkeypatch.setattr(threads, "_usable_cores", lambda count=count: count)
        assert result_bytes() == expected


def test_many_rows_that_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = result_bytes()
    monkeypatch.setattr("trace_clustering.clustering.silhouette._MAX_ROWS_HELD", 0)
    assert result_bytes() == expected


def test_two_threads_at_once() -> None:
    expected = result_bytes()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: result_bytes(), range(4)))
    assert results == [expected] * 4


def test_thread_limits_are_restored() -> None:
    def limits() -> list[tuple[str, int]]:
        return [(library["filepath"], library["num_threads"]) for library in threadpool_info()]

    def run(after: Callable[[], object]) -> None:
        cluster_embeddings(mixture("separated", 300, 20, 0))
        after()

    before = limits()
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, [barrier.wait, barrier.wait]))
    assert limits() == before


def test_the_thread_that_restores_a_limit_is_not_the_one_that_set_it() -> None:
    def limits() -> list[int]:
        return [library["num_threads"] for library in threadpool_info()]

    before, entered, left = limits(), threading.Event(), threading.Event()

    def first() -> None:
        with threads.Workers():
            entered.set()
            assert second_entered.wait(30)
        left.set()
        assert restored.wait(30)

    second_entered, restored = threading.Event(), threading.Event()
    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(30)
    with threads.Workers():
        second_entered.set()
        assert left.wait(30)
        assert all(
            library["num_threads"] == 1
            for library in threadpool_info()
            if library["user_api"] == "blas"
        )
    assert limits() == before
    restored.set()
    thread.join()


def test_seed_matters_only_to_the_search() -> None:
    embeddings = mixture("separated", 300, 20, 0)
    first, second = (cluster_embeddings(embeddings, seed=seed) for seed in (1, 2))
    assert np.isclose(first.inertia, second.inertia, rtol=1e-2)
