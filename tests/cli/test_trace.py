"""One trace in a terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from trace_clustering.cli.trace import trace_view

FACTS: dict[str, Any] = {
    "trace_id": "t-1",
    "name": "support",
    "start": "2026-11-16T09:00:00Z",
    "duration": 61.5,
    "models": ["gpt-4o"],
    "tools": ["find_order", "find_order"],
    "input_tokens": 1024,
    "output_tokens": None,
    "cost_usd": None,
    "cost_source": "unknown",
    "errors": 1,
    "is_error": False,
    "user_id": None,
    "session_id": "s-1",
    "spans": 3,
}
SUMMARY: dict[str, Any] = {
    "title": "Where is my parcel?",
    "flow_diagram": "user → find_order → answer",
    "summary_bullets": [{"text": "Asked for a parcel.", "line_refs": "L001"}],
    "interesting_notes": [{"text": "find_order failed once.", "line_refs": ""}],
}
FOUND: dict[str, Any] = {
    "facts": FACTS,
    "status": "summarized",
    "reason": "",
    "summary": SUMMARY,
    "text": "L001: user: hi\n  L002: [bold]no markup[/bold] \x1b[31m",
}


def shown(found: dict[str, Any]) -> str:
    output = io.StringIO()
    Console(file=output, width=200, color_system=None).print(trace_view(found))
    return output.getvalue()


def test_facts_summary_and_text() -> None:
    lines = shown(FOUND).splitlines()
    assert "Began   2026-11-16 09:00, took 61.5 s" in lines
    assert "Spans   3, 1 of them failed" in lines
    assert "Tokens  1,024 in" in lines
    assert "Cost    unknown" in lines
    assert "• Asked for a parcel.  [L001]" in lines
    assert "! find_order failed once." in lines
    assert lines[-2] == "L001: user: hi"
    assert not any(line.startswith("User") for line in lines)


def test_text_of_strangers_is_only_text() -> None:
    last = shown(FOUND).splitlines()[-1]
    assert last.startswith("  L002: [bold]no markup[/bold]")
    assert "\x1b" not in last


def test_a_trace_without_a_summary() -> None:
    found = {**FOUND, "summary": None, "status": "failed", "reason": "ValueError: odd"}
    assert "Status  failed: ValueError: odd" in shown(found)


def test_a_known_cost_says_how_it_is_known() -> None:
    facts = {**FACTS, "cost_usd": 0.0123, "cost_source": "estimated", "duration": 0.0}
    text = shown({**FOUND, "facts": facts})
    assert "Cost    $0.0123 (estimated)" in text
    assert "took" not in text
