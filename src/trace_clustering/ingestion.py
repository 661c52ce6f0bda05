"""Trace lines in, vectors stored: reads, renders, embeds and writes one batch.

The store and the embedder are handed in; nothing here knows SQL or HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trace_clustering.errors import InvalidInputError
from trace_clustering.models import TraceDocument
from trace_clustering.store import Embeddings, content_key
from trace_clustering.traces.embedding import Embedder
from trace_clustering.traces.reading import read_trace_lines
from trace_clustering.traces.rendering import RENDERING_MINIMAL, render_minimal, trace_metadata
from trace_clustering.traces.trace import Trace


@dataclass(frozen=True)
class RejectedLine:
    """A line that was left out: its number, counted from 1, and what is wrong with it."""

    line: int
    field: str
    problem: str


@dataclass(frozen=True)
class IngestReport:
    """What became of a batch of lines.

    Attributes:
        received: lines that were not blank.
        stored: traces that were embedded and written.
        unchanged: traces that were stored already, just like that.
        rejected: lines that could not be read.
    """

    received: int
    stored: int
    unchanged: int
    rejected: list[RejectedLine]


def ingest_lines(
    embeddings: Embeddings,
    embedder: Embedder,
    team_id: int,
    lines: Iterable[bytes],
    *,
    first_line: int = 1,
) -> IngestReport:
    """Store the traces of one batch of lines; bad lines are reported, the rest is loaded.

    Within a batch the last line with an id wins, as it would in a later batch.
    """
    rejected: list[RejectedLine] = []
    documents: dict[str, TraceDocument] = {}
    received = 0
    for number, outcome in read_trace_lines(lines):
        received += 1
        if isinstance(outcome, InvalidInputError):
            line = number + first_line - 1
            rejected.append(RejectedLine(line, outcome.field, outcome.problem))
        else:
            documents[outcome.trace_id] = trace_document(outcome)
    stored = store_documents(embeddings, embedder, team_id, list(documents.values()))
    return IngestReport(received, stored, received - len(rejected) - stored, rejected)


def trace_document(trace: Trace) -> TraceDocument:
    """The text that a trace is clustered by, with what is kept beside it."""
    return TraceDocument(
        document_id=trace.trace_id,
        timestamp=trace.timestamp,
        rendering=RENDERING_MINIMAL,
        content=render_minimal(trace),
        metadata=json.dumps(trace_metadata(trace), ensure_ascii=False, sort_keys=True),
    )


def store_documents(
    embeddings: Embeddings, embedder: Embedder, team_id: int, documents: Sequence[TraceDocument]
) -> int:
    """Embed and write those documents that are not stored yet; returns how many."""
    if not documents:
        return 0
    known = embeddings.stored_keys(team_id, documents, embedder.model_name)
    new = [d for d in documents if (d.document_id, d.rendering, content_key(d)) not in known]
    if new:
        vectors = embedder.embed([document.content for document in new])
        embeddings.insert(team_id, new, vectors, embedder.model_name)
    return len(new)
