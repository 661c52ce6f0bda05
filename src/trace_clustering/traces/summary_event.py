"""A summary as the properties of its event ``$ai_trace_summary``, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from trace_clustering.models.traces import Note, TraceFacts, TraceSummary


def summary_properties(
    facts: TraceFacts, summary: TraceSummary, *, text_chars: int, text_digest: str
) -> dict[str, Any]:
    """Properties of the event: the summary, and what is known of the trace.

    Args:
        text_chars: length of the text that was summarized.
        text_digest: tells whether a later text is still the same.
    """
    known = {
        "$ai_trace_name": facts.name or None,
        "$ai_session_id": facts.session_id,
        "$ai_user_id": facts.user_id,
        "$ai_input_tokens": facts.input_tokens,
        "$ai_output_tokens": facts.output_tokens,
        "$ai_total_cost_usd": facts.cost_usd,
        "$ai_summary_model": summary.model,
        "$ai_summary_fallback_reason": summary.fallback_reason,
    }
    return {
        "$ai_trace_id": facts.trace_id,
        "$ai_summary_title": summary.title,
        "$ai_summary_flow_diagram": summary.flow_diagram,
        "$ai_summary_bullets": _as_json(summary.summary_bullets),
        "$ai_summary_interesting_notes": _as_json(summary.interesting_notes),
        "$ai_summary_source": summary.source,
        "$ai_text_repr_length": text_chars,
        "$ai_text_repr_digest": text_digest,
        "$ai_event_count": facts.spans,
        "$ai_latency": facts.duration,
        "$ai_models": list(facts.models),
        "$ai_tools_called": list(facts.tools),
        "$ai_cost_source": facts.cost_source,
        "$ai_error_count": facts.errors,
        "$ai_is_error": facts.is_error,
        **{name: value for name, value in known.items() if value is not None},
    }


def read_summary(properties: str, text_digest: str | None = None) -> TraceSummary | None:
    """The summary that an event holds; None if it was made of another text than that."""
    said = json.loads(properties)
    if text_digest is not None and said.get("$ai_text_repr_digest") != text_digest:
        return None
    return TraceSummary(
        title=said["$ai_summary_title"],
        flow_diagram=said["$ai_summary_flow_diagram"],
        summary_bullets=_notes(said["$ai_summary_bullets"]),
        interesting_notes=_notes(said["$ai_summary_interesting_notes"]),
        source=said["$ai_summary_source"],
        model=said.get("$ai_summary_model"),
        fallback_reason=said.get("$ai_summary_fallback_reason"),
    )


def _as_json(notes: Iterable[Note]) -> list[dict[str, str]]:
    return [{"text": note.text, "line_refs": note.line_refs} for note in notes]


def _notes(values: Iterable[Mapping[str, str]]) -> tuple[Note, ...]:
    return tuple(Note(value["text"], value["line_refs"]) for value in values)
