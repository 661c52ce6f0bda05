"""Measures how long a page of traces takes where a million of them are stored.

    python -m benchmarks.browsing [FOLDER]

One JSON line a case: medians in milliseconds, as the store answers, for a run of 100,000 sampled
traces and one of 2,000. Each trace is stored with two renderings, one in ten was summarized again
later, and nothing is merged beyond what the engine merges by itself. ``cpu`` is what all cores
worked. A folder that is named is kept, and used again the next time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.core import machine
from trace_clustering.models import RunRecord, VectorFamily
from trace_clustering.models.browsing import TRACE_ORDERS, TraceFilter
from trace_clustering.store import Sample, Store
from trace_clustering.store.database import Database
from trace_clustering.store.embeddings import vector_column
from trace_clustering.store.migrations import migrate

TEAM, TRACES, DIMENSIONS, PARTS, ROUNDS = 1, 1_000_000, 64, 10, 7
MODEL = "benchmark"
RENDERINGS = ("llma_trace_minimal", "llma_trace_detailed")
SAMPLES = (100_000, 2_000)
END = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS, CLUSTERS, LEAVES = 28, 12, 60
PAGE = 50
_SECOND = 1_000

Ints = NDArray[np.int64]


def main(folder: Path) -> None:
    """Make the store if it is not there, then measure."""
    dsn = f"chdb://{folder / 'clickhouse'}"
    is_new = not (folder / "clickhouse").exists()
    database = Database(dsn)
    migrate(database)
    store = Store(database)
    if is_new:
        fill(database, store)
    for rows in SAMPLES:
        # The run's last step; once only.
        report("gather", rows, partial(store.browsing.gather, TEAM, run_id_of(rows)), rounds=0)
        for name, ask in cases(store, run_id_of(rows)):
            report(name, rows, ask)
    for name, ask in searches(store):
        report(name, TRACES, ask, rounds=3)
    store.close()


def report(name: str, rows: int, ask: Callable[[], object], rounds: int = ROUNDS) -> None:
    """Print the line of one case; its first answer, which reads from the disk, is not counted."""
    seconds, work = [], []
    for _ in range(rounds + 1):
        start, busy = perf_counter(), process_time()
        ask()
        seconds.append(perf_counter() - start)
        work.append(process_time() - busy)
    counted = [one * 1000 for one in seconds[1:] or seconds]
    line = {
        "case": name,
        "stored": TRACES,
        "rows": rows,
        "milliseconds": round(median(counted), 1),
        "most": round(max(counted), 1),
        "cpu": round(median(work[1:] or work) * 1000, 1),
        "first": round(seconds[0] * 1000, 1),
        **machine(),
    }
    print(json.dumps(line), flush=True)


# -- what is asked -------------------------------------------------------------------------------


def cases(store: Store, run_id: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every order, every filter, and what else a page asks of a run."""
    browsing = store.browsing
    page = partial(browsing.page, TEAM, run_id, limit=PAGE)
    for order in TRACE_ORDERS:
        yield f"order {order}", partial(page, TraceFilter(), order, offset=PAGE)
    for name, which in filters().items():
        yield f"filter {name}", partial(page, which, "closest", offset=0)
    rows = page(TraceFilter(), "cost", offset=0).total
    yield "last page", partial(page, TraceFilter(), "cost", offset=rows - PAGE)
    shown = browsing.at(TEAM, run_id, 100)
    assert shown is not None
    yield "hover", partial(browsing.at, TEAM, run_id, 100)
    yield "map", partial(browsing.map_points, TEAM, run_id)
    yield "standing", partial(browsing.standing, TEAM, run_id, shown.trace_id)
    yield "flows", partial(browsing.flows, TEAM, run_id_of(SAMPLES[0]), run_id)


def filters() -> dict[str, TraceFilter]:
    """One of each kind, and several at once."""
    return {
        "cluster": TraceFilter(cluster_id=3),
        "group": TraceFilter(leaf_ids=tuple(range(5, 15))),
        "model": TraceFilter(model="model-1"),
        "tool": TraceFilter(tool="tool-7"),
        "user": TraceFilter(user="user-77"),
        "errors": TraceFilter(errors=True),
        "outliers": TraceFilter(outliers=True),
        "day": TraceFilter(day=(END - timedelta(days=2)).date()),
        "lasso": TraceFilter(lasso=drawn_by_hand(60)),
        "many": TraceFilter(cluster_id=3, model="model-1", errors=True, outliers=True),
        "text": TraceFilter(text="word77 word1"),
    }


def drawn_by_hand(corners: int) -> tuple[tuple[float, float], ...]:
    """A loop with as many corners as the map's script leaves at most."""
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return tuple(zip((2 * np.cos(turns)).tolist(), (2 * np.sin(turns)).tolist(), strict=True))


def searches(store: Store) -> Iterator[tuple[str, Callable[[], object]]]:
    """By words that are rare and common, and by meaning."""
    search = store.search
    vector = unit_vectors(1, np.random.default_rng(5))[0]
    family = VectorFamily(MODEL, DIMENSIONS)
    for name, words in (("rare", "needle"), ("some", "word77 word13"), ("common", "word1")):
        yield f"words, {name}", partial(search.by_words, TEAM, words, limit=PAGE, offset=0)
    yield "meaning", partial(search.by_meaning, TEAM, vector, family, limit=PAGE)
    yield "neighbours", partial(search.neighbours, TEAM, trace_id_of(77), limit=10)


# -- what is stored ------------------------------------------------------------------------------


def fill(database: Database, store: Store) -> None:
    """Store all traces in parts, as they would come in over time, then the runs."""
    rng = np.random.default_rng(1)
    size = TRACES // PARTS
    for part in range(PARTS):
        numbers = np.arange(part * size, (part + 1) * size)
        for rendering in RENDERINGS:
            database.insert("document_embeddings", embeddings(numbers, rendering, rng))
        database.insert("traces", traces(numbers, rng, seen=1))
        again = rng.choice((part + 1) * size, size // 10, replace=False)
        database.insert("traces", traces(again, rng, seen=2))
    for rows in SAMPLES:
        sample_run(store, np.sort(rng.choice(TRACES, rows, replace=False)), rng)


def embeddings(numbers: Ints, rendering: str, rng: np.random.Generator) -> pa.Table:
    """Rows of ``document_embeddings``."""
    n = len(numbers)
    opening = sentences(n, rng, 1)
    content = sentences(n, rng, 2 if rendering == RENDERINGS[0] else 5)
    constant = {
        "team_id": pa.repeat(pa.scalar(TEAM, pa.int64()), n),
        **{
            name: pa.repeat(value, n)
            for name, value in {
                "product": "llm-analytics",
                "document_type": "llm-trace",
                "model_name": MODEL,
                "rendering": rendering,
            }.items()
        },
    }
    head, tail = '{"is_error": false, "message_count": 7, "opening": "', '", "user_id": "someone"}'
    return pa.table(
        {
            **constant,
            "document_id": ids(numbers),
            "timestamp": moments(numbers, "ms"),
            "content": content,
            "metadata": pc.binary_join_element_wise(head, opening, tail, ""),
            "embedding": vector_column(unit_vectors(n, rng)),
        }
    )


def traces(numbers: Ints, rng: np.random.Generator, *, seen: int) -> pa.Table:
    """Rows of ``traces``."""
    n = len(numbers)
    cost = pa.array(rng.exponential(0.01, n), mask=rng.random(n) < 0.1)
    failed = rng.random(n) < 0.07
    return pa.table(
        {
            "team_id": pa.repeat(pa.scalar(TEAM, pa.int64()), n),
            "trace_id": ids(numbers),
            "timestamp": moments(numbers, "us"),
            "duration": rng.exponential(8, n),
            "name": pa.repeat("agent", n),
            "title": sentences(n, rng, 1),
            "models": lists("model", 6, n, rng, 1),
            "tools": lists("tool", 40, n, rng, 3),
            "input_tokens": rng.integers(100, 9_000, n).astype(np.uint64),
            "output_tokens": rng.integers(10, 900, n).astype(np.uint64),
            "cost_usd": cost,
            "cost_source": pa.repeat("sent", n),
            "errors": failed.astype(np.uint32),
            "is_error": failed.astype(np.uint8),
            "user_id": named("user", rng.integers(0, 5_000, n)),
            "session_id": named("session", numbers // 3),
            "spans": rng.integers(1, 40, n).astype(np.uint32),
            "status": pa.repeat("summarized", n),
            "reason": pa.repeat("", n),
            "attempts": np.ones(n, np.uint32),
            "seen_events": np.full(n, seen, np.uint64),
            "seen_until": moments(numbers, "us"),
        }
    )


def sample_run(store: Store, numbers: Ints, rng: np.random.Generator) -> None:
    """A completed run that sampled these traces, with all that it tells of each."""
    n = len(numbers)
    run_id = run_id_of(n)
    trace_ids = ids(numbers).to_pylist()
    labels = rng.integers(0, CLUSTERS, n)
    none = np.empty((n, 0), np.float32)
    sample = Sample(trace_ids, pa.chunked_array([moments(numbers, "ms")]), none)
    distances = rng.gamma(4, 0.1, n).astype(np.float32)
    store.runs.write_assignments(TEAM, run_id, sample, labels, distances)
    store.findings.write_leaves(TEAM, run_id, trace_ids, rng.integers(0, LEAVES, n))
    points = (rng.standard_normal((n, 2)) * 3).astype(np.float32)
    store.findings.write_map(TEAM, run_id, trace_ids, points)
    scores = rng.gamma(2, 1, n)
    reasons = ["far from all" if score > 7 else "" for score in scores]
    store.findings.write_outliers(TEAM, run_id, trace_ids, scores, reasons)
    store.runs.record(
        RunRecord(
            run_id=run_id,
            team_id=TEAM,
            status="completed",
            started_at=END,
            finished_at=END,
            workflow_id="benchmark",
            workflow_run_id="benchmark",
            reason="",
            traces_analyzed=TRACES,
            sampled_traces=n,
            optimal_k=CLUSTERS,
            silhouette_score=0.3,
        )
    )


def run_id_of(rows: int) -> str:
    """The run that sampled so many traces."""
    return f"team_{TEAM}_benchmark_{rows}"


def trace_id_of(number: int) -> str:
    """Ids lie scattered, as random ones do."""
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"


def ids(numbers: Ints) -> pa.Array:
    return pa.array([trace_id_of(int(number)) for number in numbers], pa.string())


def moments(numbers: Ints, unit: str) -> pa.Array:
    """When each began: later the higher its number."""
    start = int((END - timedelta(days=DAYS)).timestamp() * _SECOND)
    millis = start + numbers * (DAYS * 86_400 * _SECOND // TRACES)
    return pa.array(millis, pa.timestamp("ms", tz="UTC")).cast(pa.timestamp(unit, tz="UTC"))


def sentences(n: int, rng: np.random.Generator, times: int) -> pa.Array:
    """Texts of some 80 characters, or several times that; one in 20,000 has a needle."""
    words = rng.zipf(1.3, (3_000, 11)) % 10_000
    stock = pa.array([" ".join(f"word{one}" for one in row) + "." for row in words])
    needles = pa.array(np.where(rng.random(n) < 1 / 20_000, "Needle.", "Hello."))
    drawn = [stock.take(pa.array(rng.integers(0, len(stock), n))) for _ in range(times)]
    return pc.binary_join_element_wise(needles, *drawn, " ")


def named(kind: str, numbers: Ints) -> pa.Array:
    return pc.binary_join_element_wise(kind, pa.array(numbers).cast(pa.string()), "-")


def lists(kind: str, names: int, n: int, rng: np.random.Generator, most: int) -> pa.Array:
    """One to ``most`` names a row."""
    lengths = rng.integers(1, most + 1, n)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, named(kind, rng.integers(0, names, lengths.sum())))


def unit_vectors(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    vectors = rng.standard_normal((n, DIMENSIONS), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How long a page of traces takes.")
    parser.add_argument("folder", type=Path, nargs="?", help="kept, and used again the next time")
    if given := parser.parse_args().folder:
        main(given)
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder))
