"""Computations that run at the same time share the cores."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from trace_clustering.clustering import threads
from trace_clustering.clustering.threads import Workers


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_turns", threads._Turns(2))


def test_no_more_compute_at_once_than_there_are_cores() -> None:
    under_way, most = [0], [0]
    lock = threading.Lock()
    # Two meet each other; were there a third at once, the count would show it.
    two = threading.Barrier(2)

    def compute(number: int) -> int:
        with Workers() as workers:
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            two.wait(30)
            total = sum(workers.map(lambda item: item * number, range(50)))
            with lock:
                under_way[0] -= 1
        return total

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(compute, range(12))) == [1225 * number for number in range(12)]
    assert most[0] == 2


def test_one_inside_another_takes_no_turn_of_its_own() -> None:
    with Workers(), Workers(), Workers() as workers:
        assert list(workers.map(abs, [-1, -2])) == [1, 2]


def test_the_last_turn_computes_in_its_own_thread() -> None:
    def names(workers: Workers) -> set[str]:
        return set(workers.map(lambda _: threading.current_thread().name, range(8)))

    with Workers() as workers:
        assert threading.current_thread().name not in names(workers)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_hold_a_turn, started := threading.Event(), ended := threading.Event())
            assert started.wait(30)
            assert names(workers) == {threading.current_thread().name}
            ended.set()


def _hold_a_turn(started: threading.Event, ended: threading.Event) -> None:
    with Workers():
        started.set()
        assert ended.wait(30)


def test_who_waits_for_a_turn_can_be_cancelled() -> None:
    def cancelled() -> None:
        raise InterruptedError

    with ThreadPoolExecutor(2) as pool:
        ended = threading.Event()
        events = [threading.Event(), threading.Event()]
        for started in events:
            pool.submit(_hold_a_turn, started, ended)
        assert all(started.wait(30) for started in events)
        with pytest.raises(InterruptedError), Workers(cancelled):
            pytest.fail("no turn was free")
        ended.set()
    with Workers(cancelled) as workers:
        assert workers is not None
