"""Measures the library against the usual scikit-learn recipe, alternated on the same data.

    python -m benchmarks.core
    python -m benchmarks.core --rows 2000 --columns 384 --flavour separated --rounds 5

One JSON line per case. Times are medians in seconds. ``inertia_ratio`` is ours over the recipe's
(below 1 is better), ``silhouette_gain`` ours minus the recipe's best.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter, sleep
from typing import Any, TypeVar

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from benchmarks.data import FLAVOURS, Matrix, mixture
from trace_clustering.clustering import Clustering, KScore, cluster_embeddings

Result = TypeVar("Result")

KS = range(3, 7)
_PAUSE_SECONDS = 0.3
SHAPES = ((2_000, 384), (2_000, 1_536), (2_000, 3_072), (10_000, 1_536))


def recipe(embeddings: Matrix) -> dict[int, KScore]:
    """What one writes with scikit-learn alone, its threads as it likes."""
    scores = {}
    for k in KS:
        kmeans = KMeans(n_clusters=k, random_state=42, n_init=10).fit(embeddings)
        silhouette = silhouette_score(embeddings, kmeans.labels_)
        scores[k] = KScore(k, float(silhouette), float(kmeans.inertia_))
    best = max(scores, key=lambda k: scores[k].silhouette_score)
    KMeans(n_clusters=best, random_state=42, n_init=10).fit(embeddings)
    return scores


def measure(flavour: str, rows: int, columns: int, seed: int, rounds: int) -> dict[str, Any]:
    """One case as a dictionary for a JSON line."""
    embeddings = mixture(flavour, rows, columns, seed)
    ours_seconds, recipe_seconds = [], []
    for _ in range(rounds):
        # The recipe's BLAS threads keep a core busy for a while after its last product.
        sleep(_PAUSE_SECONDS)
        ours, seconds = timed(lambda: cluster_embeddings(embeddings))
        ours_seconds.append(seconds)
        sleep(_PAUSE_SECONDS)
        theirs, seconds = timed(lambda: recipe(embeddings))
        recipe_seconds.append(seconds)
    return {
        "flavour": flavour,
        "rows": rows,
        "columns": columns,
        "seed": seed,
        "rounds": rounds,
        "ours_seconds": round(median(ours_seconds), 4),
        "recipe_seconds": round(median(recipe_seconds), 3),
        "times_faster": round(median(recipe_seconds) / median(ours_seconds), 1),
        **compared(ours, theirs),
        **machine(),
    }


def timed(task: Callable[[], Result]) -> tuple[Result, float]:
    """What the task returns, and how many seconds it took."""
    start = perf_counter()
    result = task()
    return result, perf_counter() - start


def compared(ours: Clustering, theirs: dict[int, KScore]) -> dict[str, Any]:
    """Ratios of inertia and differences of silhouette, per k and for the k that each chose."""
    best = max(theirs.values(), key=lambda score: score.silhouette_score)
    mine = ours.scores_by_k
    ratios = {k: round(mine[k].inertia / theirs[k].inertia, 6) for k in mine}
    gains = {k: round(mine[k].silhouette_score - theirs[k].silhouette_score, 5) for k in mine}
    return {
        "k": ours.optimal_k,
        "recipe_k": best.k,
        "inertia_ratio": ratios[ours.optimal_k],
        "inertia_ratio_by_k": ratios,
        "silhouette_gain": round(ours.silhouette_score - best.silhouette_score, 5),
        "silhouette_gain_by_k": gains,
    }


def machine() -> dict[str, Any]:
    """What the times depend on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit_learn": sklearn.__version__,
    }


def cases(options: argparse.Namespace) -> Iterable[tuple[str, int, int]]:
    """The cases that the options choose; all by default."""
    for rows, columns in SHAPES if options.rows is None else [(options.rows, options.columns)]:
        for flavour in options.flavour or FLAVOURS:
            yield flavour, rows, columns


def main() -> None:
    """Prints one line per case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--columns", type=int, default=384)
    parser.add_argument("--flavour", action="append", choices=FLAVOURS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    # The first call loads libraries.
    cluster_embeddings(mixture("separated", 100, 16, 0))
    for flavour, rows, columns in cases(options):
        print(json.dumps(measure(flavour, rows, columns, options.seed, options.rounds)), flush=True)


if __name__ == "__main__":
    main()
