"""Groups beyond the number of clusters asked for: found where they are clear, nowhere else."""

import numpy as np
import pytest
from benchmarks.gate import boxed, copies, cube, grid, sphere
from numpy.typing import NDArray

from trace_clustering.clustering.finer import Groups, finer_groups
from trace_clustering.clustering.preparation import prepare
from trace_clustering.clustering.threads import Workers


def found_in(embeddings: NDArray[np.floating], above: int = 6, seed: int = 0) -> Groups | None:
    with Workers() as workers:
        prepared = prepare(workers, embeddings)
        before = prepared.rows.copy()
        found = finer_groups(workers, prepared, above, np.random.default_rng(seed))
        assert np.array_equal(prepared.rows, before)
        return found


@pytest.mark.parametrize("columns", [2, 3, 40])
def test_clear_groups_are_found(columns: int) -> None:
    for make in (grid, boxed):
        found = found_in(make(np.random.default_rng(1), 700, columns))
        assert found is not None
        assert 9 <= found.count <= 15
        assert found.silhouette > 0.6
        assert found.largest_share < 0.3


def test_loose_groups_are_found_beside_one_cloud() -> None:
    rng = np.random.default_rng(0)
    centres = 6.0 * np.stack(np.meshgrid(range(4), range(3)), axis=-1).reshape(-1, 2)
    found = found_in(centres[np.arange(480) % 12] + rng.standard_normal((480, 2)))
    assert found is not None
    assert 0.45 < found.silhouette < 0.7


@pytest.mark.parametrize("columns", [1, 2, 3, 50])
def test_noise_holds_no_groups(columns: int) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        assert found_in(cube(rng, 200, columns)) is None
        assert found_in(rng.standard_normal((200, columns))) is None
        assert found_in(sphere(rng, 200, columns + 1)) is None


def test_copies_of_one_row_are_no_groups() -> None:
    assert found_in(copies(0.0, "varied")(np.random.default_rng(0), 200, 16)) is None
    assert found_in(copies(0.0, "one")(np.random.default_rng(0), 200, 16)) is None


def test_too_few_rows_for_more_groups() -> None:
    embeddings = grid(np.random.default_rng(0), 24, 2)
    assert found_in(embeddings) is None
    assert found_in(np.repeat(embeddings, 2, axis=0)) is not None
    assert found_in(np.repeat(embeddings, 2, axis=0), above=12) is None
