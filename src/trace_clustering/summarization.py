"""From traces' events to their summaries, their vectors and what is known of them.

The store, the embedder and the language model are handed in; nothing here knows SQL, HTTP or
Temporal. Every step may be done again: what is written is the same, and is written once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trace_clustering.errors import EmbeddingRefusedError, TraceClusteringError
from trace_clustering.models import TraceDocument
from trace_clustering.models.summarization import SummarizationTotals
from trace_clustering.models.traces import EVENT_SUMMARY, TraceSummary
from trace_clustering.observability import get_logger
from trace_clustering.store import ReceivedTrace, Store, TraceRow, content_key
from trace_clustering.traces.embedding import Embedder
from trace_clustering.traces.summarizing import Summarizer
from trace_clustering.traces.summary_event import read_summary
from trace_clustering.understanding import Understood, Written, failed_row, understand, write

log = get_logger()

# So much text is held at once; an agent's calls may repeat its history many times over.
MAX_SLICE_CHARS = 32_000_000

# What odd events may make our own code raise. One trace's is recorded with the trace, so that
# the others go on.
_OF_ONE_TRACE = (
    TraceClusteringError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Summarization:
    """Summarizes traces.

    Attributes:
        summarizer: a language model; None for extractive summaries alone.
        at_once: so many traces at most are read, summarized and written together. What is
            written stays when the rest is broken off, so with a slow model they should be few.
    """

    store: Store
    embedder: Embedder
    summarizer: Summarizer | None = None
    at_once: int = 100

    def summarize(
        self,
        team_id: int,
        trace_ids: Sequence[str],
        *,
        on_progress: Callable[[], None] = lambda: None,
    ) -> SummarizationTotals:
        """Summarize and embed these traces as they stand.

        Those that are as they were summarized last are left, and ids of which nothing came.

        Args:
            on_progress: called between slices; what it raises breaks the work off.

        Raises:
            EmbeddingError: no vectors can be had now; trying again may help.
            StoreError: ClickHouse failed.
        """
        totals = SummarizationTotals()
        sizes = self.store.events.sizes(team_id, trace_ids)
        for some in slices(sizes, at_once=self.at_once, max_size=MAX_SLICE_CHARS):
            on_progress()
            totals = totals.plus([_Slice(self, team_id).run(some)])
        return totals

    def backfill(self, team_id: int, limit: int) -> int:
        """Embed texts that have no vector of the present model; returns how many were tried.

        A text that the model refuses gets a vector of zeros, which no run takes.

        Raises:
            EmbeddingError: no vectors can be had.
        """
        store, model = self.store.embeddings, self.embedder.model_name
        documents = store.without_vector(team_id, model, limit=limit)
        if documents:
            rows, refused = self.rows_of(documents)
            if refused:
                log.warning("Texts were refused", texts=len(refused), reason=refused[min(refused)])
            store.insert(team_id, documents, rows, model)
        return len(documents)

    def rows_of(
        self, documents: Sequence[TraceDocument]
    ) -> tuple[NDArray[np.float32], dict[int, str]]:
        """Vectors of texts, zeros for those that are refused; by position, why they were."""
        try:
            return self.embedder.embed([document.content for document in documents]), {}
        except EmbeddingRefusedError as error:
            return error.rows, dict.fromkeys(error.positions, str(error))


@dataclass
class _Slice:
    """A few traces that are read, summarized and written together.

    Attributes:
        failed: by trace id, why it could not be done.
    """

    parts: Summarization
    team_id: int
    failed: dict[str, str] = field(default_factory=dict)

    def run(self, trace_ids: Sequence[str]) -> SummarizationTotals:
        received = self.parts.store.events.of_traces(self.team_id, trace_ids)
        known = self.parts.store.traces.get(self.team_id, trace_ids)
        new = {i: one for i, one in sorted(received.items()) if not _is_done(one, known.get(i))}
        understood = self._each(new, lambda i: understand(i, new[i]))
        answered = self._answered(understood)
        written = self._each(answered, lambda i: write(answered[i]))
        # Already here, so that a model's summaries are kept if no vectors can be had.
        self._put(self._not_outdone(new, written))
        embedded = self._embed(new, written)
        lasting = self._not_outdone(new, written)
        self._put(lasting)
        self._record(new, answered, lasting)
        return SummarizationTotals(
            summarized=len(received) - len(self.failed),
            embedded=embedded,
            failed=len(self.failed),
            fallbacks=dict(Counter(_fallbacks(answered.values()))),
        )

    def _each(self, given: Mapping[str, object], make: Callable[[str], _Made]) -> dict[str, _Made]:
        """What is made of each trace; one that fails is noted and lacks."""
        made: dict[str, _Made] = {}
        for trace_id in given:
            try:
                made[trace_id] = make(trace_id)
            except _OF_ONE_TRACE as error:
                log.exception("A trace could not be summarized", trace_id=trace_id)
                self.failed[trace_id] = f"{type(error).__name__}: {error}"
        return made

    def _answered(self, understood: dict[str, Understood]) -> dict[str, Understood]:
        """The same with a language model's summaries, where one is set and answers."""
        if self.parts.summarizer is None:
            return understood
        before = self._answers_of_before(understood)
        asked = [one for one in understood.values() if one.trace_id not in before]
        answers = self.parts.summarizer.summarize([one.text for one in asked])
        by_id = before | {o.trace_id: answer for o, answer in zip(asked, answers, strict=True)}
        return {i: one.with_answer(by_id[i]) for i, one in understood.items()}

    def _answers_of_before(self, understood: Mapping[str, Understood]) -> dict[str, TraceSummary]:
        """What the model said of the very same texts: what is done again costs once."""
        events = self.parts.store.events.of_kind(self.team_id, EVENT_SUMMARY, list(understood))
        found = {
            i: read_summary(event.properties, understood[i].text_digest)
            for i, event in events.items()
        }
        return {i: one for i, one in found.items() if one is not None and one.source == "model"}

    def _not_outdone(
        self, received: Mapping[str, ReceivedTrace], written: Mapping[str, Written]
    ) -> dict[str, Written]:
        """Those of which nobody else has seen more in the meantime: theirs is to stay."""
        rows = self.parts.store.traces.get(self.team_id, list(written))
        return {i: one for i, one in written.items() if not _is_outdone(received[i], rows.get(i))}

    def _put(self, written: Mapping[str, Written]) -> None:
        self.parts.store.events.put(self.team_id, [one.event for one in written.values()])

    def _embed(self, received: Mapping[str, ReceivedTrace], written: Mapping[str, Written]) -> int:
        """Embed and store what is new; returns how many. A refused text fails its trace."""
        store, model = self.parts.store.embeddings, self.parts.embedder.model_name
        documents = [document for one in written.values() for document in one.documents]
        if not documents:
            return 0
        known = store.stored_keys(self.team_id, documents, model)
        new = [d for d in documents if (d.document_id, d.rendering, content_key(d)) not in known]
        if not new:
            return 0
        rows, refused = self.parts.rows_of(new)
        self.failed |= {new[position].document_id: why for position, why in refused.items()}
        lasting = self._not_outdone(received, written)
        kept = [i for i, d in enumerate(new) if i not in refused and d.document_id in lasting]
        if kept:
            store.insert(self.team_id, [new[i] for i in kept], rows[kept], model)
        return len(kept)

    def _record(
        self,
        received: Mapping[str, ReceivedTrace],
        understood: Mapping[str, Understood],
        written: Mapping[str, Written],
    ) -> None:
        """Write what is known, last of all: until then the traces count as pending."""
        rows = [one.understood.row() for i, one in written.items() if i not in self.failed]
        before = self.parts.store.traces.get(self.team_id, list(self.failed))
        rows += [
            failed_row(i, received[i], why, understood.get(i), before.get(i))
            for i, why in self.failed.items()
        ]
        self.parts.store.traces.record(self.team_id, rows)


def slices(sizes: Mapping[_Given, int], *, at_once: int, max_size: int) -> Iterator[list[_Given]]:
    """The keys in lists of at most ``at_once`` that are no larger together than ``max_size``.

    One that is larger by itself goes alone.
    """
    some: list[_Given] = []
    left = max_size
    for key, size in sizes.items():
        if some and (len(some) == at_once or size > left):
            yield some
            some, left = [], max_size
        some.append(key)
        left -= size
    if some:
        yield some


def _is_done(received: ReceivedTrace, row: TraceRow | None) -> bool:
    """Whether it was summarized just as it stands; of a batch that is done again, most were."""
    return row is not None and row.status == "summarized" and row.has_seen(received)


def _is_outdone(received: ReceivedTrace, row: TraceRow | None) -> bool:
    """Whether somebody else has summarized more of the trace than this."""
    if row is None:
        return False
    return (row.seen_until, row.seen_events) > (received.newest, len(received.events))


def _fallbacks(understood: Iterable[Understood]) -> Iterator[str]:
    return (u.summary.fallback_reason for u in understood if u.summary.fallback_reason)
