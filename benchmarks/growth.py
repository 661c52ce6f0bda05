"""Measures time and memory at 1,000, 10,000 and 50,000 rows of 384 columns.

    python -m benchmarks.growth

One JSON line per size, each measured in a process of its own.
"""

import json
import resource
import subprocess
import sys
from time import perf_counter

import numpy as np

from benchmarks.core import machine
from benchmarks.data import mixture
from trace_clustering.clustering import cluster_embeddings

ROWS = (1_000, 10_000, 50_000)
COLUMNS = 384


def peak_mib() -> float:
    """The largest resident size of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere.
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def measure(rows: int) -> None:
    """Prints the line of one size."""
    embeddings = mixture("separated", rows, COLUMNS, 0).astype(np.float32)
    before = peak_mib()
    start = perf_counter()
    found = cluster_embeddings(embeddings)
    line = {
        "rows": rows,
        "columns": COLUMNS,
        "seconds": round(perf_counter() - start, 3),
        "peak_mib": round(peak_mib()),
        "peak_mib_before": round(before),
        "k": found.optimal_k,
        **machine(),
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    """Starts a process for every size."""
    for rows in ROWS:
        subprocess.run([sys.executable, "-m", "benchmarks.growth", str(rows)], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        main()
