"""Measures how often the verdict on a clustering is right, over many seeds.

    python -m benchmarks.gate
    python -m benchmarks.gate --rows 2000 --columns 384 --seeds 50 --case mixture

One JSON line per case and size: what was expected, how often it came, and how far the silhouette
was from that of noise (least and most of all seeds). Data and algorithm get the same seed.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.core import machine, timed
from benchmarks.data import CLUSTERS, Matrix, Rng
from trace_clustering.clustering.trust import assess

Make = Callable[[Rng, int, int], Matrix]

SIZES = ((200, 32), (500, 64), (1_000, 8), (200, 1_536), (2_000, 384))
_COPIES = 0.95
# Centres are about so many standard deviations apart, or more.
_APART = 11.0


def unit(rows: Matrix) -> Matrix:
    """Rows of length one."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def sphere(rng: Rng, n: int, d: int) -> Matrix:
    return unit(rng.standard_normal((n, d)))


def blob(rng: Rng, n: int, d: int) -> Matrix:
    return sphere(rng, 1, d) + 0.01 * rng.standard_normal((n, d))


def unit_blob(rng: Rng, n: int, d: int) -> Matrix:
    return unit(blob(rng, n, d))


def wide_unit_blob(rng: Rng, n: int, d: int) -> Matrix:
    return unit(sphere(rng, 1, d) + rng.standard_normal((n, d)) / np.sqrt(d))


def correlated_blob(rng: Rng, n: int, d: int) -> Matrix:
    spread = (1 + np.arange(d)) ** -0.6
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return np.asarray(rng.standard_normal((n, d)) * spread @ rotation)


def correlated_unit_blob(rng: Rng, n: int, d: int) -> Matrix:
    spread = np.sqrt(((1.0 + np.arange(d)) ** -1.2).mean())
    return unit(spread * rng.standard_normal((1, d)) + correlated_blob(rng, n, d))


def long_blob(rng: Rng, n: int, d: int) -> Matrix:
    direction = sphere(rng, 1, d)
    return rng.standard_normal((n, d)) + 5 * rng.standard_normal((n, 1)) * direction


def cube(rng: Rng, n: int, d: int) -> Matrix:
    return rng.uniform(-1, 1, (n, d))


def ball(rng: Rng, n: int, d: int) -> Matrix:
    return np.asarray(sphere(rng, n, d) * rng.uniform(0, 1, (n, 1)) ** (1 / d))


def heavy_tails(rng: Rng, n: int, d: int) -> Matrix:
    """Student's t with 5 degrees of freedom, spherical."""
    return np.asarray(rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(5, (n, 1)) / 5))


def skewed(rng: Rng, n: int, d: int) -> Matrix:
    return rng.exponential(1.0, (n, d))


def copies(spread: float, others: str) -> Make:
    """Nearly all rows are (near-)copies of one.

    Args:
        spread: of the copies' columns.
        others: ``varied``, one more ``cluster``, or ``one`` row again and again.
    """

    def make(rng: Rng, n: int, d: int) -> Matrix:
        many = round(_COPIES * n)
        rows = np.repeat(sphere(rng, 1, d), n, axis=0)
        rows[many:] = sphere(rng, n - many if others == "varied" else 1, d)
        noisy = many if others in ("varied", "one") else n
        rows[:noisy] += spread * rng.standard_normal((noisy, d))
        return np.asarray(rng.permutation(rows))

    return make


def clusters(shares: str = "equal", *, length_one: bool = False) -> Make:
    """Twelve Gaussian clusters well apart.

    Args:
        shares: ``equal``, ``unequal`` or ``falling`` (each cluster 0.8 of the one before).
        length_one: bring all rows to length one.
    """

    def make(rng: Rng, n: int, d: int) -> Matrix:
        chances = {
            "equal": np.full(CLUSTERS, 1.0),
            "unequal": rng.dirichlet(np.full(CLUSTERS, 2.0)),
            "falling": 0.8 ** np.arange(CLUSTERS),
        }[shares]
        apart = max(3.0, _APART / np.sqrt(2 * d))
        centres = apart * rng.standard_normal((CLUSTERS, d))
        members = rng.choice(CLUSTERS, n, p=chances / chances.sum())
        rows = centres[members] + rng.standard_normal((n, d))
        return unit(rows) if length_one else np.asarray(rows)

    return make


def grid(rng: Rng, n: int, d: int) -> Matrix:
    """Twelve tight clusters on a grid: shuffled columns hold clusters too, at least as many."""
    corners = np.stack(np.meshgrid(*[np.arange(4)] * min(d, 3)), axis=-1).reshape(-1, min(d, 3))
    centres = np.zeros((CLUSTERS, d))
    centres[:, : min(d, 3)] = rng.permutation(corners)[:CLUSTERS]
    return np.asarray(centres[np.arange(n) % CLUSTERS] + 0.05 * rng.standard_normal((n, d)))


def boxed(rng: Rng, n: int, d: int) -> Matrix:
    """Twelve tight clusters anywhere in a box."""
    centres = rng.uniform(-10, 10, (CLUSTERS, d))
    return np.asarray(centres[np.arange(n) % CLUSTERS] + 0.1 * rng.standard_normal((n, d)))


# name -> (expected verdict, how it is made)
CASES: dict[str, tuple[str, Make]] = {
    "random unit vectors": ("degenerate", sphere),
    "tight blob": ("degenerate", blob),
    "tight blob, unit length": ("degenerate", unit_blob),
    "wide blob, unit length": ("degenerate", wide_unit_blob),
    "correlated blob": ("degenerate", correlated_blob),
    "correlated blob, unit length": ("degenerate", correlated_unit_blob),
    "long blob": ("degenerate", long_blob),
    "cube": ("degenerate", cube),
    "ball": ("degenerate", ball),
    "skewed blob": ("degenerate", skewed),
    "heavy-tailed blob": ("degenerate", heavy_tails),
    "95% copies, varied rest": ("degenerate", copies(0.0, "varied")),
    "95% copies, one other": ("degenerate", copies(0.0, "one")),
    "95% near-copies, varied rest": ("degenerate", copies(1e-3, "varied")),
    "95% near-copies, one other": ("degenerate", copies(1e-3, "one")),
    "95% near-copies, other cluster": ("degenerate", copies(1e-3, "cluster")),
    "95% loose copies, varied rest": ("degenerate", copies(0.02, "varied")),
    "95% loose copies, other cluster": ("degenerate", copies(0.02, "cluster")),
    "mixture": ("good", clusters()),
    "mixture, unequal": ("good", clusters("unequal")),
    "mixture, falling": ("good", clusters("falling")),
    "mixture, unit length": ("good", clusters(length_one=True)),
    "mixture on a grid": ("good", grid),
    "mixture in a box": ("good", boxed),
}


def measure(case: str, rows: int, columns: int, seeds: int, max_k: int) -> dict[str, Any]:
    """One case as a dictionary for a JSON line."""
    expected, make = CASES[case]
    verdicts: Counter[str] = Counter()
    ratios, stabilities, seconds = [], [], []
    for seed in range(seeds):
        embeddings = make(np.random.default_rng([seed, rows, columns]), rows, columns)
        found, took = timed(partial(assess, embeddings, max_k=max_k, seed=seed))
        verdicts[found.verdict] += 1
        ratios.append(found.silhouette_score / max(found.null_silhouette, 1e-9))
        stabilities.append(float(np.mean(found.stability or (0.0,))))
        seconds.append(took)
    return {
        "case": case,
        "rows": rows,
        "columns": columns,
        "max_k": max_k,
        "expected": expected,
        "right": f"{verdicts[expected]}/{seeds}",
        "verdicts": dict(verdicts),
        "silhouette_over_noise": [round(min(ratios), 2), round(max(ratios), 2)],
        "mean_stability": [round(min(stabilities), 2), round(max(stabilities), 2)],
        "median_seconds": round(float(np.median(seconds)), 3),
        **machine(),
    }


def main() -> None:
    """Prints one line per case and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--columns", type=int, default=384)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--max-k", type=int, default=6)
    parser.add_argument("--case", action="append", choices=CASES)
    options = parser.parse_args()
    for rows, columns in SIZES if options.rows is None else [(options.rows, options.columns)]:
        for case in options.case or CASES:
            line = measure(case, rows, columns, options.seeds, options.max_k)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
