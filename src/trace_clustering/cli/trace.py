"""The command ``trace``: one trace as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from trace_clustering.cli import console
from trace_clustering.cli.shared import Context, DataDirOption, JsonOption, TeamOption, call


def trace(
    ctx: typer.Context,
    trace_id: Annotated[str, typer.Argument(help="Trace id.", metavar="TRACE_ID")],
    team_id: TeamOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a trace: what is known of it, its summary and its text."""
    shared: Context = ctx.obj
    path = f"/api/v1/teams/{team_id}/traces/{quote(trace_id, safe='')}"
    found = call(shared, lambda api: api.get(path), data_dir=data_dir)
    shared.show(as_json, found, lambda: trace_view(found))


def trace_view(found: Mapping[str, Any]) -> RenderableType:
    """Facts, summary and text, one below the other."""
    parts: list[RenderableType] = [_line(name, value) for name, value in _facts(found)]
    if found["summary"] is not None:
        parts += ["", *_summary(found["summary"])]
    lines = [console.plain_line(line) for line in found["text"].splitlines()]
    return Group(*parts, "", *lines)


def _facts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What there is to say, name by name; what is unknown is left out."""
    facts = found["facts"]
    known = {
        "Trace": facts["trace_id"],
        "Name": facts["name"],
        "Began": f"{console.when(facts['start'])}{_duration(facts['duration'])}",
        "Spans": f"{facts['spans']:,}{_errors(facts['errors'])}",
        "Ended": "with an error" if facts["is_error"] else "",
        "Models": ", ".join(facts["models"]),
        "Tools": ", ".join(facts["tools"]),
        "Tokens": _tokens(facts),
        "Cost": _cost(facts),
        "User": facts["user_id"],
        "Session": facts["session_id"],
        "Status": _status(found),
    }
    return ((name, value) for name, value in known.items() if value)


def _duration(seconds: float) -> str:
    return f", took {seconds:,.1f} s" if seconds else ""


def _errors(number: int) -> str:
    return f", {number:,} of them failed" if number else ""


def _tokens(facts: Mapping[str, Any]) -> str:
    counts = {"in": facts["input_tokens"], "out": facts["output_tokens"]}
    return ", ".join(f"{n:,} {which}" for which, n in counts.items() if n is not None)


def _cost(facts: Mapping[str, Any]) -> str:
    if facts["cost_usd"] is None:
        return "unknown"
    return f"${facts['cost_usd']:.4f} ({facts['cost_source']})"


def _status(found: Mapping[str, Any]) -> str:
    reason = f": {found['reason']}" if found["status"] == "failed" else ""
    return f"{found['status']}{reason}"


def _line(name: str, value: str) -> Text:
    return Text.assemble((f"{name:<8}", "bold"), console.plain(value))


def _summary(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text.assemble((console.plain(summary["title"]).plain, "bold"))
    if summary["flow_diagram"]:
        yield from (console.plain_line(line) for line in summary["flow_diagram"].splitlines())
    yield from _notes("•", summary["summary_bullets"])
    yield from _notes("!", summary["interesting_notes"])


def _notes(mark: str, notes: Sequence[Mapping[str, str]]) -> Iterator[Text]:
    for note in notes:
        lines = f"  [{note['line_refs']}]" if note["line_refs"] else ""
        yield Text.assemble(f"{mark} ", console.plain(note["text"]), (lines, "dim"))
