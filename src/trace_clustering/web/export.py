"""A run's traces as a file, one row each: Parquet, CSV or lines of JSON. Written batch by batch."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trace_clustering.run_reading import title_of

Format = Literal["parquet", "csv", "jsonl"]

_NAMES = pa.list_(pa.string())
SCHEMA = pa.schema(
    {
        "trace_id": pa.string(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "cluster_id": pa.int32(),
        "cluster_title": pa.string(),
        "distance": pa.float64(),
        "leaf_id": pa.int32(),
        "leaf_title": pa.string(),
        "x": pa.float64(),
        "y": pa.float64(),
        "outlier_score": pa.float64(),
        "is_outlier": pa.bool_(),
        "outlier_reason": pa.string(),
        "title": pa.string(),
        "opening": pa.string(),
        "models": _NAMES,
        "tools": _NAMES,
        "input_tokens": pa.int64(),
        "output_tokens": pa.int64(),
        "cost_usd": pa.float64(),
        "latency_seconds": pa.float64(),
        "errors": pa.int64(),
        "is_error": pa.bool_(),
        "user_id": pa.string(),
        "session_id": pa.string(),
    }
)
"""Columns of every format; what is not known of a trace is null, or empty in CSV."""

_MEDIA_TYPES: dict[Format, str] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}
# What spreadsheets take for the beginning of a formula.
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
# And where another cell begins for those that divide at semicolons or tabs, or know no quotes.
_FORMULA_INSIDE = re.compile(r"(?<![;\s])([^\S\t\r\n]*+[;\t\r\n][;\s]*+)(?=[=+\-@＝＋－＠])")
_LIST_SEPARATOR = "; "
# Rows that are held as Python's objects, which take ten times an Arrow row's room.
_ROWS = 2_000


def media_type(file_format: Format) -> str:
    return _MEDIA_TYPES[file_format]


def export_chunks(
    batches: Iterable[pa.RecordBatch], properties: Mapping[str, Any], file_format: Format
) -> Iterator[bytes]:
    """A file of a run's traces, piece by piece; one batch at a time is held.

    Args:
        batches: rows of the sampled traces, as the store has them.
        properties: of the run's event; the titles of clusters and leaves come from there.
    """
    titles = _Titles(properties)
    return _WRITERS[file_format](titles.added_to(batch) for batch in batches)


class _Titles:
    """Titles of a run's clusters and leaves, by id; null where there are none."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        groups = (properties.get("$ai_levels") or {}).get("groups") or ()
        self._clusters = {
            one["cluster_id"]: title_of(one) for one in properties["$ai_clusters"] if "title" in one
        }
        # A cluster that is not divided further is a leaf itself.
        self._leaves = self._clusters | {
            one["group_id"]: title_of(one) for one in groups if "title" in one
        }

    def added_to(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The columns of ``SCHEMA``, those that the batch lacks as nulls."""
        given = {name: batch.column(name) for name in batch.schema.names}
        absent = pa.nulls(batch.num_rows)
        given["cluster_title"] = _looked_up(self._clusters, given.get("cluster_id", absent))
        given["leaf_title"] = _looked_up(self._leaves, given.get("leaf_id", absent))
        columns = [_column(given.get(field.name, absent), field.type) for field in SCHEMA]
        return pa.record_batch(columns, schema=SCHEMA)


def _looked_up(titles: Mapping[int, str], ids: pa.Array) -> pa.Array:
    return pa.array([titles.get(one) for one in ids.to_pylist()], pa.string())


def _column(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same with its type; of texts the empty ones, which say nothing, are null."""
    values = values.cast(kind)
    if not pa.types.is_string(kind):
        return values
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, kind), values)


class _Sink(io.RawIOBase):
    """Takes what is written until it is handed on."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _parquet(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    sink = _Sink()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


def _csv(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    yield _csv_lines([SCHEMA.names])
    for rows in _rows(batches):
        yield _csv_lines(map(_cell, row.values()) for row in rows)


def _csv_lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    # With this ending both of its characters are quoted where they stand in a cell.
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    # Halves of characters, which UTF-8 cannot hold, do not come out of Arrow's strings.
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, list):
        value = _LIST_SEPARATOR.join(map(str, value))
    if isinstance(value, str):
        value = _FORMULA_INSIDE.sub(r"\1'", value)
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    return str(value).lower() if isinstance(value, bool) else _plain(value)


def _jsonl(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    for rows in _rows(batches):
        plain = ({name: _plain(value) for name, value in row.items()} for row in rows)
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in plain)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[list[dict[str, Any]]]:
    for batch in batches:
        for first in range(0, batch.num_rows, _ROWS):
            yield batch.slice(first, _ROWS).to_pylist()


def _plain(value: object) -> object:
    """The same in words that every reader knows: RFC 3339, and null for what is no number."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).isoformat(timespec="milliseconds")
        return moment.replace("+00:00", "Z")
    return None if isinstance(value, float) and not math.isfinite(value) else value


_WRITERS: dict[Format, Callable[[Iterable[pa.RecordBatch]], Iterator[bytes]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _jsonl,
}
