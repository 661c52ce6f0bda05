"""What the search for clusters makes of noise that looks like the data.

Two kinds of noise, because each alone lets data pass that hold no clusters:

- every column shuffled on its own, which keeps the columns and takes away what joins them: data
  that are one long cloud seem to hold clusters beside it;
- one cloud: Gaussian rows with the data's covariance (Liu, Hayes, Nobel and Marron 2008,
  "Statistical significance of clustering for high-dimension, low-sample-size data"), as they are
  and with lengths drawn from the data's, for tails that are heavier or lighter.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.preparation import Prepared
from trace_clustering.clustering.selection import search_k
from trace_clustering.clustering.threads import Float32, Workers
from trace_clustering.errors import DegenerateDataError

# Noise is searched for clusters many times; fewer rows divide a little better, never worse.
_MAX_ROWS = 1000
# About so many rows are drawn of each kind: few rows vary more, so they are drawn more often.
_DRAWN_ROWS = 2000
_MIN_DRAWS, _MAX_DRAWS = 2, 4
# Data that divide so many times as well as the first 1,000 rows of noise need no more of it.
_CLEARLY = 2.0
# Lengths that vary less than this, beside the rows' distances to their mean, are one length.
_SAME_LENGTH = 1e-3


@dataclass(frozen=True)
class Null:
    """Silhouettes that the search finds in noise: of the best k, the mean of a few draws.

    Attributes:
        shuffled: columns shuffled.
        cloud: one cloud, of the kind that divides better.
    """

    shuffled: float
    cloud: float


def null_silhouettes(
    workers: Workers,
    prepared: Prepared,
    ks: range,
    silhouette: float,
    rng: np.random.Generator,
    on_progress: Callable[[], None] | None = None,
) -> Null:
    """Searches noise as data are searched; of more than 1,000 rows, in the likeness of 1,000.

    Args:
        workers: multiply matrices.
        prepared: the data.
        ks: numbers of clusters to try.
        silhouette: what the search found in the data. Where it is twice what it finds in the first
            1,000 rows of any noise, no more is drawn.
        rng: draws the noise.
        on_progress: called often; what it raises ends the search.
    """
    drawn = np.sort(rng.permutation(len(prepared.rows))[:_MAX_ROWS])
    rows = prepared.rows[drawn]
    rows -= rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    count = min(max(_DRAWN_ROWS // len(rows), _MIN_DRAWS), _MAX_DRAWS)

    def best(noise: Float32) -> float:
        return _best_silhouette(noise, ks, int(rng.integers(2**32)), on_progress)

    draws: list[list[float]] = []
    for _ in range(count):
        clouds = clouds_like(workers, prepared, rows, rng)
        draws.append([best(rng.permuted(rows, axis=0)), *map(best, clouds)])
        if len(draws) * len(rows) >= _MAX_ROWS and silhouette > _CLEARLY * np.max(draws):
            break
    # The largest of all draws would be a matter of luck, and of how many there are.
    shuffled, *means = np.mean(draws, axis=0).tolist()
    return Null(shuffled, max(means))


def _best_silhouette(
    noise: Float32, ks: range, seed: int, on_progress: Callable[[], None] | None
) -> float:
    try:
        found = search_k(noise, min_k=ks[0], max_k=ks[-1], seed=seed, on_progress=on_progress)
    except DegenerateDataError:
        return -1.0
    return found.scores_by_k[found.optimal_k].silhouette_score


def clouds_like(
    workers: Workers, prepared: Prepared, rows: Float32, rng: np.random.Generator
) -> Iterator[Float32]:
    """Gaussian rows (n, d), then others with the lengths of ``rows``.

    Args:
        workers: multiply matrices.
        prepared: if its rows lie on a sphere, so do those of the clouds.
        rows: (n, d) centred, some of ``prepared.rows``.
        rng: draws the noise.
    """
    common = _common_length(prepared)
    lengths = np.sqrt(squared_norms(rows))
    yield _of_length(prepared, cloud_like(workers, rows, rng), common)
    scaled = _scaled(cloud_like(workers, rows, rng), rng.permutation(lengths))
    yield _of_length(prepared, scaled, common)


def cloud_like(workers: Workers, rows: Float32, rng: np.random.Generator) -> Float32:
    """Gaussian rows: random sums of centred rows (n, d) have their covariance."""
    n = len(rows)
    chances = rng.standard_normal((n, n), dtype=np.float32) / np.float32(np.sqrt(n))
    return np.concatenate(list(workers.map(lambda part: part @ rows, np.array_split(chances, 4))))


def _common_length(prepared: Prepared) -> float | None:
    """The length of the rows before they were centred, if they have one, as many vectors do."""
    lengths = prepared.lengths
    spread = np.sqrt(prepared.squares.mean(dtype=np.float64))
    length = float(lengths.mean(dtype=np.float64))
    return length if np.abs(lengths - length).max() <= _SAME_LENGTH * spread else None


def _of_length(prepared: Prepared, cloud: Float32, length: float | None) -> Float32:
    """Brings a cloud around zero to the sphere on which the rows lie, if they do."""
    if length is None:
        return cloud
    return _scaled(cloud + prepared.mean, np.full(len(cloud), length, dtype=np.float32))


def _scaled(rows: Float32, lengths: Float32) -> Float32:
    own = np.maximum(np.sqrt(squared_norms(rows)), np.finfo(np.float32).tiny)
    return np.multiply(rows, (lengths / own)[:, None], dtype=np.float32)
