"""How answers of the API look in a terminal. Trace text is shown as text, never as markup."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 120

_BLOCKS = " ▏▎▍▌▋▊▉█"
_STATUS_STYLE = {"completed": "green", "skipped": "yellow", "running": "cyan"}


def plain(text: str, width: int | None = None) -> Text:
    """Text of a stranger on one line: no markup, no control characters, cut to ``width``."""
    folded = " ".join("".join(c if _is_printable(c) else " " for c in text).split())
    if width is not None and len(folded) > width:
        folded = folded[: width - 1].rstrip() + "…"
    return Text(folded)


def teams_table(teams: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not teams:
        return "No team has traces yet. Load some: trace-clustering ingest FILE --team-id 1"
    table = _table("Team", "Traces", "First trace", "Last trace", "Latest run")
    for team in teams:
        table.add_row(
            str(team["team_id"]),
            f"{team['traces']:,}",
            when(team["first_trace_at"]),
            when(team["last_trace_at"]),
            team["last_run_id"] or "–",
        )
    return table


def runs_table(runs: Sequence[Mapping[str, Any]], team_id: int) -> RenderableType:
    if not runs:
        command = f"trace-clustering trigger --team-id {team_id}"
        return f"Team {team_id} has no runs yet. Start one: {command}"
    table = _table("Run", "Status", "Traces", "k", "Silhouette", "Took")
    for run in runs:
        table.add_row(
            run["run_id"],
            _status(run),
            f"{run['sampled_traces']:,}" if run["sampled_traces"] else "–",
            str(run["optimal_k"] or "–"),
            score(run["silhouette_score"]),
            _took(run["started_at"], run["finished_at"]),
        )
    return table


def run_view(detail: Mapping[str, Any], *, title: str | None = None) -> RenderableType:
    """A run: a sentence, and its clusters with representative traces."""
    run, facts = detail["run"], detail["facts"]
    heading = Text(title or run["run_id"], style="bold")
    if facts is None:
        return Group(heading, _status(run), "")
    return Group(heading, _run_sentence(facts), _clusters_table(detail["clusters"]), "")


def cluster_view(cluster: Mapping[str, Any], run_id: str) -> RenderableType:
    """One cluster: its traces, closest to the centroid first."""
    table = _table("Distance", "Trace", "Time", "Model", "Text")
    for member in cluster["members"]:
        table.add_row(
            f"{member['distance']:.3f}",
            plain(member["trace_id"], 40),
            when(member["timestamp"]),
            plain(str(_metadata(member).get("model") or ""), 20),
            plain(_opening(member), 400),
        )
    size, share = cluster["size"], cluster["share"]
    heading = f"Cluster {cluster['cluster_id']} of {run_id}: {size:,} traces ({share:.0%})"
    return Group(Text(heading, style="bold"), table)


def schedule_view(schedule: Mapping[str, Any]) -> RenderableType:
    table = _table("", "")
    table.show_header = False
    state = "paused" if schedule["paused"] else "active"
    every = ", ".join("day" if d == 1 else f"{d:g} days" for d in schedule["interval_days"])
    table.add_row("Schedule", schedule["id"])
    note = f" ({schedule['note']})" if schedule["note"] else ""
    table.add_row("State", plain(state + note))
    table.add_row("Every", every)
    table.add_row("Next runs", "\n".join(when(moment) for moment in schedule["next_runs"]))
    table.add_row("Recent runs", "\n".join(when(m) for m in schedule["recent_runs"]) or "–")
    return table


def settings_table(settings: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = _table("Setting", "Value", "From", "Meaning")
    for setting in settings:
        value = "" if setting["value"] is None else str(setting["value"])
        table.add_row(setting["name"], Text(value), setting["source"], setting["description"])
    return table


def when(moment: str | None) -> str:
    """A time for people: minutes, UTC."""
    if not moment:
        return "–"
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M")


def score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def output_console() -> Console:
    """Where data go; into a file or a pipe they are as wide as their tables need."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH_WITHOUT_TERMINAL)


def error_console() -> Console:
    """Where progress and errors go, so that standard output holds data alone."""
    return Console(stderr=True)


def _run_sentence(facts: Mapping[str, Any]) -> Text:
    analyzed, sampled = facts["$ai_total_traces_analyzed"], facts["$ai_sampled_traces_count"]
    of = f"{sampled:,} of {analyzed:,}" if sampled < analyzed else f"{analyzed:,}"
    excluded = sum(facts.get("$ai_excluded_traces", {}).values())
    left_out = f", {excluded:,} left out" if excluded else ""
    scores = ", ".join(
        f"{one['k']}: {one['silhouette_score']:.3f}" for one in facts.get("$ai_scores_by_k", [])
    )
    return Text(
        f"{of} traces from {when(facts['$ai_window_start'])} to {when(facts['$ai_window_end'])}"
        f"{left_out}; k={facts['$ai_optimal_k']}, "
        f"silhouette {facts['$ai_silhouette_score']:.3f} (by k: {scores})"
    )


def _clusters_table(clusters: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("#", "Traces", "Share", "Closest to the centre")
    for cluster in clusters:
        table.add_row(
            str(cluster["cluster_id"]),
            f"{cluster['size']:,}",
            f"{cluster['share']:>4.0%} {_bar(cluster['share'])}",
            Text("\n").join(
                Text.assemble("• ", plain(_opening(m), 150)) for m in cluster["members"]
            ),
            end_section=True,
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(header_style="bold", show_lines=False, border_style="dim")
    for name in columns:
        numeric = name in ("#", "Traces", "k", "Silhouette", "Took", "Distance", "Team")
        is_id = name in ("Run", "Latest run", "Setting")
        table.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=numeric or is_id or name == "Share",
        )
    return table


def _bar(share: float, width: int = 10) -> str:
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_BLOCKS[rest] if rest else "")


def _status(run: Mapping[str, Any]) -> Text:
    """How a run ended, and why where there is a reason."""
    status = Text(run["status"], style=_STATUS_STYLE.get(run["status"], "red"))
    return Text.assemble(status, ": ", plain(run["reason"])) if run["reason"] else status


def _took(started: str, finished: str | None) -> str:
    if not finished:
        return "–"
    seconds = (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _metadata(member: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is known of a trace; nothing, if somebody else's program wrote no JSON object."""
    try:
        found = json.loads(member["metadata"])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _opening(member: Mapping[str, Any]) -> str:
    """How the trace begins, in its own words; else the text that was embedded."""
    return str(_metadata(member).get("opening") or member["content"])


def _is_printable(character: str) -> bool:
    # Cc and Cf hold terminal escapes and bidirectional overrides.
    return unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs", "Cn")
