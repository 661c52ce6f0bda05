"""Clear groups that are more than the clusters asked for.

Where a dozen groups are well apart in two or three columns, few clusters unite them in a way that
shuffled columns do hardly worse. The groups show at a larger number of clusters.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trace_clustering.clustering.kmeans import nearest_centroids
from trace_clustering.clustering.null import clouds_like
from trace_clustering.clustering.preparation import Prepared
from trace_clustering.clustering.projection import leading_subspace, project
from trace_clustering.clustering.restarts import RANK, search_projected
from trace_clustering.clustering.silhouette import DistanceBlocks, silhouette_samples
from trace_clustering.clustering.threads import Float32, Labels, Workers

_MAX_ROWS = 500
# So many numbers of groups are tried, every other one: up to 23 above 6 clusters.
_TRIED = 9
_STEP = 2
# Rows of a group, on the average: in pairs and triples noise divides well.
_MIN_ROWS = 4
# Less is no clear division of anything, and more of one cloud only where it is all but a line.
_HOPE = 0.45
# Than one cloud in the likeness of the data: other clouds of few columns reach 1.1 times as much.
_CLEARLY = 1.3
_DRAWS = 2
# One group of most rows, such as copies, is not what the clusters unite.
_MOST = 0.5


@dataclass(frozen=True)
class Groups:
    """A division into groups.

    Attributes:
        count: of the groups.
        silhouette: mean over the rows.
        largest_share: of the rows, in the largest group.
    """

    count: int
    silhouette: float
    largest_share: float


def finer_groups(
    workers: Workers, prepared: Prepared, above: int, rng: np.random.Generator
) -> Groups | None:
    """The best division into more than ``above`` groups if it is clear, else None.

    Looks at 500 rows. Shuffled columns are no noise to compare with here: those of groups on a grid
    hold clear groups as well.

    Args:
        workers: multiply matrices, told of progress.
        prepared: the rows.
        above: the largest number of clusters asked for.
        rng: draws rows, starts and noise.
    """
    rows = prepared.rows[np.sort(rng.permutation(len(prepared.rows))[:_MAX_ROWS])]
    rows -= rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    ks = range(above + 1, len(rows) // _MIN_ROWS + 1, _STEP)[:_TRIED]
    best = _best(workers, rows, ks, rng)
    if best is None or best.largest_share > _MOST or best.silhouette < _HOPE:
        return None
    clouds = [
        [_silhouette(_best(workers, cloud, ks, rng)) for cloud in kinds]
        for kinds in (clouds_like(workers, prepared, rows, rng) for _ in range(_DRAWS))
    ]
    noise = np.mean(clouds, axis=0).max()
    return best if best.silhouette > _CLEARLY * noise else None


def _silhouette(groups: Groups | None) -> float:
    return 0.0 if groups is None else groups.silhouette


def _best(workers: Workers, rows: Float32, ks: range, rng: np.random.Generator) -> Groups | None:
    """The division of the largest silhouette, the fewest groups of equal ones."""
    divisions = list(_divisions(workers, rows, ks, rng)) if ks else []
    if not divisions:
        return None
    samples = silhouette_samples(DistanceBlocks(workers, rows), divisions)
    silhouettes = [float(sample.mean()) for sample in samples]
    best = int(np.argmax(silhouettes))
    sizes = np.bincount(divisions[best])
    return Groups(len(sizes), silhouettes[best], float(sizes.max() / len(rows)))


def _divisions(
    workers: Workers, rows: Float32, ks: range, rng: np.random.Generator
) -> Iterator[Labels]:
    """For every k the best labels found, without gaps, if they are of two groups or more."""
    basis = leading_subspace(workers, rows, RANK, rng)
    projected = project(workers, rows, basis)
    step = search_projected(workers, projected, ks, rng)
    for k in ks:
        best = step.starts[k][np.argmax(step.gains[k])]
        nearest = nearest_centroids(workers, projected, best[None])[0]
        used, labels = np.unique(nearest, return_inverse=True)
        if len(used) > 1:
            yield labels.astype(np.int32)
