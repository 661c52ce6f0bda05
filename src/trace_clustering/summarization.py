"""From a trace's events to its text, its summary, its vectors and what is known of it.

The store, the embedder and the language model are handed in; nothing here knows SQL, HTTP or
Temporal. Every step may be done again: what is written is the same, and is written once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from trace_clustering.constants import RENDERING_DETAILED, RENDERING_MINIMAL
from trace_clustering.errors import EmbeddingRefusedError, TraceClusteringError
from trace_clustering.models import TraceDocument
from trace_clustering.models.summarization import SummarizationTotals
from trace_clustering.models.traces import EVENT_SUMMARY, TraceEvent, TraceFacts, TraceSummary
from trace_clustering.observability import get_logger
from trace_clustering.store import ReceivedTrace, Store, TraceRow, content_key
from trace_clustering.traces.assembly import assemble
from trace_clustering.traces.embedding import Embedder
from trace_clustering.traces.rendering import render_detailed, render_minimal, trace_metadata
from trace_clustering.traces.span import TraceRecord
from trace_clustering.traces.summarizing import Summarizer, SummaryFailure
from trace_clustering.traces.summary import extractive_summary
from trace_clustering.traces.summary_event import read_summary, summary_properties
from trace_clustering.traces.text import trace_text

log = get_logger()

MAX_REASON_CHARS = 300
_NAMESPACE = UUID("0d3a2a4e-52a0-5d2f-9c37-5c8a4f0e6d11")

# What odd events may make our own code raise. One trace's is recorded with the trace, so that
# the others of its batch go on.
_OF_ONE_TRACE = (
    TraceClusteringError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class _Understood:
    """A trace on its way: what came of it, and what was made of that."""

    received: ReceivedTrace
    record: TraceRecord
    text: str
    summary: TraceSummary

    @property
    def trace_id(self) -> str:
        return self.record.facts.trace_id

    @property
    def text_digest(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Summarization:
    """Summarizes traces.

    Attributes:
        summarizer: a language model; None for extractive summaries alone.
    """

    store: Store
    embedder: Embedder
    summarizer: Summarizer | None = None

    def summarize(self, team_id: int, trace_ids: Sequence[str]) -> SummarizationTotals:
        """Summarize and embed these traces as they stand; ids of which nothing came do nothing.

        Raises:
            EmbeddingError: no vectors can be had now; trying again may help.
            StoreError: ClickHouse failed.
        """
        received = self.store.events.of_traces(team_id, trace_ids)
        understood: list[_Understood] = []
        failed: dict[str, str] = {}
        for trace_id, one in sorted(received.items()):
            try:
                understood.append(_understand(trace_id, one))
            except _OF_ONE_TRACE as error:
                log.exception("A trace could not be understood", trace_id=trace_id)
                failed[trace_id] = f"{type(error).__name__}: {error}"
        understood = self._with_model_summaries(team_id, understood)
        self.store.events.insert(team_id, [_summary_event(one) for one in understood])
        embedded, refused = self._embed(team_id, [d for u in understood for d in _documents(u)])
        failed |= refused
        self._record(team_id, received, understood, failed)
        return SummarizationTotals(
            summarized=len(understood) - len(refused),
            embedded=embedded,
            failed=len(failed),
            fallbacks=dict(Counter(_fallbacks(understood))),
        )

    def backfill(self, team_id: int, limit: int) -> int:
        """Embed texts that have no vector of the present model; returns how many were tried.

        Raises:
            EmbeddingError: no vectors can be had.
        """
        store, model = self.store.embeddings, self.embedder.model_name
        documents = store.without_vector(team_id, model, limit=limit)
        if documents:
            vectors = self.embedder.embed([document.content for document in documents])
            store.insert(team_id, documents, vectors, model)
        return len(documents)

    def _with_model_summaries(
        self, team_id: int, understood: list[_Understood]
    ) -> list[_Understood]:
        """The same with a language model's summaries, where one is set and answers."""
        if self.summarizer is None:
            return understood
        made = self._model_summaries_of_before(team_id, understood)
        asked = [one for one in understood if one.trace_id not in made]
        answers = self.summarizer.summarize([one.text for one in asked])
        for one, answer in zip(asked, answers, strict=True):
            made[one.trace_id] = _or_extractive(answer, one.summary)
        return [replace(one, summary=made[one.trace_id]) for one in understood]

    def _model_summaries_of_before(
        self, team_id: int, understood: Sequence[_Understood]
    ) -> dict[str, TraceSummary]:
        """What the model said of the very same texts: a batch that is done again costs once."""
        events = self.store.events.of_kind(
            team_id, EVENT_SUMMARY, [one.trace_id for one in understood]
        )
        found: dict[str, TraceSummary] = {}
        for one in understood:
            event = events.get(one.trace_id)
            before = read_summary(event.properties, one.text_digest) if event else None
            if before is not None and before.source == "model":
                found[one.trace_id] = before
        return found

    def _embed(
        self, team_id: int, documents: Sequence[TraceDocument]
    ) -> tuple[int, dict[str, str]]:
        """Embed what is new; returns how many, and by trace id why a text was refused."""
        new = self._new(team_id, documents)
        refused: dict[str, str] = {}
        try:
            self._store_vectors(team_id, new)
        except EmbeddingRefusedError as error:
            refused = {new[position].document_id: str(error) for position in error.positions}
            new = [d for i, d in enumerate(new) if i not in error.positions]
            self._store_vectors(team_id, new)
        return len(new), refused

    def _new(self, team_id: int, documents: Sequence[TraceDocument]) -> list[TraceDocument]:
        if not documents:
            return []
        known = self.store.embeddings.stored_keys(team_id, documents, self.embedder.model_name)
        return [d for d in documents if (d.document_id, d.rendering, content_key(d)) not in known]

    def _store_vectors(self, team_id: int, documents: Sequence[TraceDocument]) -> None:
        if documents:
            vectors = self.embedder.embed([document.content for document in documents])
            self.store.embeddings.insert(team_id, documents, vectors, self.embedder.model_name)

    def _record(
        self,
        team_id: int,
        received: dict[str, ReceivedTrace],
        understood: Sequence[_Understood],
        failed: dict[str, str],
    ) -> None:
        """Write what is known, last of all: until then the traces count as pending."""
        rows = [
            TraceRow(
                facts=one.record.facts,
                title=one.summary.title,
                status="summarized",
                seen_events=len(one.received.events),
                seen_until=one.received.newest,
            )
            for one in understood
            if one.trace_id not in failed
        ]
        before = self.store.traces.get(team_id, list(failed)) if failed else {}
        for trace_id, reason in failed.items():
            one = received[trace_id]
            rows.append(_failed_row(trace_id, one, reason, before.get(trace_id)))
        self.store.traces.record(team_id, rows)


def _understand(trace_id: str, received: ReceivedTrace) -> _Understood:
    record = assemble(trace_id, received.events)
    text = trace_text(record)
    return _Understood(received, record, text, extractive_summary(record, text))


def _or_extractive(answer: TraceSummary | SummaryFailure, extractive: TraceSummary) -> TraceSummary:
    if isinstance(answer, SummaryFailure):
        return replace(extractive, fallback_reason=answer.reason)
    return answer


def _fallbacks(understood: Iterable[_Understood]) -> Iterator[str]:
    return (u.summary.fallback_reason for u in understood if u.summary.fallback_reason)


def _documents(one: _Understood) -> list[TraceDocument]:
    trace = one.record.trace
    metadata = json.dumps(trace_metadata(trace), ensure_ascii=False, sort_keys=True)
    texts = {
        RENDERING_MINIMAL: render_minimal(trace),
        RENDERING_DETAILED: render_detailed(one.summary),
    }
    return [
        TraceDocument(trace.trace_id, trace.timestamp, rendering, content, metadata)
        for rendering, content in texts.items()
    ]


def _summary_event(one: _Understood) -> TraceEvent:
    facts = one.record.facts
    properties = summary_properties(
        facts, one.summary, text_chars=len(one.text), text_digest=one.text_digest
    )
    return TraceEvent(
        uuid=str(uuid5(_NAMESPACE, facts.trace_id)),
        event=EVENT_SUMMARY,
        trace_id=facts.trace_id,
        distinct_id=facts.user_id or facts.trace_id,
        timestamp=facts.start,
        properties=json.dumps(properties, ensure_ascii=False, sort_keys=True),
    )


def _failed_row(
    trace_id: str, received: ReceivedTrace, reason: str, before: TraceRow | None
) -> TraceRow:
    is_same = before is not None and (
        (received.newest, len(received.events)) == (before.seen_until, before.seen_events)
    )
    return TraceRow(
        facts=_nothing_known(trace_id, received),
        title="",
        status="failed",
        seen_events=len(received.events),
        seen_until=received.newest,
        reason=reason[:MAX_REASON_CHARS],
        attempts=before.attempts + 1 if before and is_same else 1,
    )


def _nothing_known(trace_id: str, received: ReceivedTrace) -> TraceFacts:
    return TraceFacts(
        trace_id=trace_id,
        name="",
        start=min(event.timestamp for event in received.events),
        duration=0.0,
        models=(),
        tools=(),
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
        cost_source="unknown",
        errors=0,
        is_error=False,
        user_id=None,
        session_id=None,
        spans=len(received.events),
    )
