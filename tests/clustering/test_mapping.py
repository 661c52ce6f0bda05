"""The picture in which near means similar."""

import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from benchmarks.data import mixture
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from trace_clustering.clustering import threads
from trace_clustering.clustering.mapping import draw_map, place_centroids, project_2d
from trace_clustering.errors import InvalidInputError

ROWS = mixture("separated", 600, 20, 0)


def test_groups_are_apart() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(700) % 7
    embeddings = rng.standard_normal((7, 150))[labels] * 3 + rng.standard_normal((700, 150))
    points = project_2d(embeddings)
    centres = np.array([points[labels == group].mean(axis=0) for group in range(7)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == labels).all()


def test_frame() -> None:
    points = project_2d(ROWS)
    assert points.shape == (600, 2)
    assert points.dtype == np.float32
    assert np.abs(points).max() == 1
    assert np.abs(points.mean(axis=0)).max() < 1e-4
    assert points[:, 0].std() >= points[:, 1].std()
    assert points.astype(np.float64) * 1e4 == pytest.approx(np.round(points * 1e4), abs=1e-2)


def test_order_of_rows_changes_nothing() -> None:
    moved = np.random.default_rng(2).permutation(len(ROWS))
    assert project_2d(ROWS[moved]).tolist() == project_2d(ROWS)[moved].tolist()


def test_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = mixture("unit_norm", 2100, 130, 0)
    expected = project_2d(embeddings).tobytes()
    with threadpool_limits(2):
        assert project_2d(embeddings).tobytes() == expected
    monkeypatch.setattr(threads, "_usable_cores", lambda: 3)
    assert project_2d(embeddings).tobytes() == expected


def test_two_threads_at_once() -> None:
    expected = project_2d(ROWS).tobytes()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: project_2d(ROWS).tobytes(), range(2)))
    assert results == [expected] * 2


def test_another_process_draws_the_same() -> None:
    code = (
        "from benchmarks.data import mixture\n"
        "from trace_clustering.clustering.mapping import project_2d\n"
        "print(project_2d(mixture('separated', 600, 20, 0)).tobytes().hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == project_2d(ROWS).tobytes().hex()


def test_neither_seed_nor_state_of_numpy_is_touched() -> None:
    np.random.seed(3)
    before = np.random.get_state(legacy=True)
    assert project_2d(ROWS, seed=1).tobytes() != project_2d(ROWS, seed=2).tobytes()
    assert str(np.random.get_state(legacy=True)) == str(before)


def test_equal_rows_share_a_place() -> None:
    embeddings = np.vstack([ROWS[:100], np.repeat(ROWS[:1], 900, axis=0)])
    points = project_2d(embeddings)
    assert (points[100:] == points[0]).all()
    assert len(np.unique(points, axis=0)) > 90


@pytest.mark.parametrize("rows", [2, 3, 20, 69, 70, 71, 130])
@pytest.mark.parametrize("columns", [1, 2, 140])
def test_few_rows(rows: int, columns: int) -> None:
    points = project_2d(np.random.default_rng(1).standard_normal((rows, columns)))
    assert points.shape == (rows, 2)
    assert np.abs(points).max() == 1


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(2, 90),
    columns=st.integers(1, 4),
    values=st.integers(1, 5),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    seed=st.integers(0, 1000),
)
def test_any_rows(rows: int, columns: int, values: int, scale: float, seed: int) -> None:
    """Few different values make many equal rows and distances."""
    rng = np.random.default_rng(seed)
    points = project_2d(rng.integers(0, values, (rows, columns)) * scale, seed=seed)
    assert np.isfinite(points).all()
    assert np.abs(points).max() in (0, 1)


def test_many_near_copies() -> None:
    rng = np.random.default_rng(1)
    embeddings = np.vstack([ROWS[:200], ROWS[0] + 1e-6 * rng.standard_normal((400, 20))])
    assert np.isfinite(project_2d(embeddings)).all()


def test_progress_ends_the_work() -> None:
    class Stopped(Exception):
        pass

    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls > 300:
            raise Stopped

    with pytest.raises(Stopped):
        project_2d(ROWS, on_progress=stop)


def test_seed_is_checked() -> None:
    with pytest.raises(InvalidInputError) as caught:
        project_2d(ROWS, seed=-1)
    assert caught.value.field == "seed"


def test_centroids_lie_amid_their_nearest_members() -> None:
    embeddings = np.concatenate([np.arange(30.0), 100 + np.arange(3.0)])[:, None]
    points = np.repeat(np.linspace(-1, 1, 33, dtype=np.float32)[:, None], 2, axis=1)
    labels = np.repeat([0, 1], [30, 3])
    placed = place_centroids(points, embeddings, np.array([[4.4], [101.0], [7.0]]), labels)
    assert placed[0] == pytest.approx(points[:10].mean(axis=0), abs=1e-4)
    assert placed[1] == pytest.approx(points[30:].mean(axis=0), abs=1e-4)
    assert placed[2].tolist() == [0, 0]


def test_placing_centroids_copies_no_rows() -> None:
    embeddings = np.random.default_rng(0).standard_normal((40_000, 16), dtype=np.float32)
    points, labels = embeddings[:, :2], np.zeros(len(embeddings), dtype=np.int32)
    tracemalloc.start()
    place_centroids(points, embeddings, np.zeros((1, 16)), labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < embeddings.nbytes


@pytest.mark.parametrize(("different", "method"), [(69, "pca"), (70, "pacmap")])
def test_few_different_rows_are_placed_by_their_components(different: int, method: str) -> None:
    rows = np.random.default_rng(0).standard_normal((different, 5))
    drawn = draw_map(np.vstack([rows, rows]))
    assert drawn.method == method
    assert np.array_equal(drawn.points, project_2d(np.vstack([rows, rows])))
