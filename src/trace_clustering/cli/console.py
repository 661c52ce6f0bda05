"""How answers of the API look in a terminal. Trace text is shown as text, never as markup."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from trace_clustering.plain_text import one_line, printable

WIDTH_WITHOUT_TERMINAL = 120

_LEAST_WIDTH = 12  # of a column that folds

_BLOCKS = " ▏▎▍▌▋▊▉█"
VERDICT_STYLES: Mapping[str | None, str] = {
    "good": "green",
    "weak": "yellow",
    "degenerate": "red",
}
_STATUS_STYLE = {"completed": "green", "skipped": "yellow", "running": "cyan"}


def plain(text: str, width: int | None = None) -> Text:
    """Text of a stranger on one line: no markup, no control characters, cut to ``width``."""
    return Text(one_line(text, width))


def plain_line(text: str) -> Text:
    """The same for a line whose spaces say something, such as how deep it lies."""
    return Text(printable(text))


def counted(number: int, singular: str) -> str:
    """A number of things in words: 1 trace, 2,000 traces."""
    return f"{number:,} {singular}" if number == 1 else f"{number:,} {singular}s"


def teams_table(teams: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not teams:
        return "No team has traces yet. Load some: trace-clustering ingest FILE --team-id 1"
    columns = (
        number_column("Team"),
        number_column("Traces"),
        Column("First trace", whole=True, least_width=100),
        Column("Last trace", whole=True, least_width=80),
        Column("Latest run", is_id=True),
    )
    rows = [
        (
            str(team["team_id"]),
            f"{team['traces']:,}",
            when(team["first_trace_at"]),
            when(team["last_trace_at"]),
            plain(team["last_run_id"] or "–"),
        )
        for team in teams
    ]
    return Fitted(columns, rows)


def runs_table(runs: Sequence[Mapping[str, Any]], team_id: int) -> RenderableType:
    if not runs:
        command = f"trace-clustering trigger --team-id {team_id}"
        return f"Team {team_id} has no runs yet. Start one: {command}"
    columns = (
        Column("Run", is_id=True),
        Column("Status"),
        Column("Verdict", whole=True),
        number_column("Traces"),
        number_column("k"),
        number_column("Silhouette", least_width=100),
        number_column("Took", least_width=100),
    )
    rows = [
        (
            plain(run["run_id"]),
            status_of(run),
            Text(run.get("verdict") or "–", style=VERDICT_STYLES.get(run.get("verdict"), "")),
            f"{run['sampled_traces']:,}" if run["sampled_traces"] else "–",
            str(run["optimal_k"] or "–"),
            score(run["silhouette_score"]),
            _took(run["started_at"], run["finished_at"]),
        )
        for run in runs
    ]
    return Fitted(columns, rows)


def keys_table(keys: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not keys:
        return "There are no keys yet. Make one: trace-clustering keys create --team-id 1"
    columns = (
        Column("Key", is_id=True),
        number_column("Team"),
        Column("Name"),
        Column("Ends in", whole=True),
        Column("Made", whole=True, least_width=80),
        Column("Revoked", whole=True),
    )
    rows = [
        (
            plain(key["key_id"]),
            str(key["team_id"]),
            plain(key["name"] or "–", 200),
            plain(key["hint"], 12),
            when(key["created_at"]),
            when(key["revoked_at"]),
        )
        for key in keys
    ]
    return Fitted(columns, rows)


def cluster_view(cluster: Mapping[str, Any], run_id: str) -> RenderableType:
    """One cluster: what it is called, and its traces, closest to the centroid first."""
    columns = (
        number_column("Distance"),
        Column("Trace", is_id=True, most=40),
        Column("Time", whole=True, least_width=80),
        Column("Model", least_width=100),
        Column("Text", least=30),
    )
    rows = [
        (
            f"{member['distance']:.3f}",
            plain(member["trace_id"]),
            when(member["timestamp"]),
            plain(str(_metadata(member).get("model") or ""), 20),
            plain(opening_of(member), 400),
        )
        for member in cluster["members"]
    ]
    traces = f"{counted(cluster['size'], 'trace')} ({cluster['share']:.0%})"
    heading = plain(f"Cluster {cluster['cluster_id']} of {run_id}: {traces}")
    heading.stylize("bold")
    return Group(heading, *_told_of(cluster), Fitted(columns, rows))


def _told_of(cluster: Mapping[str, Any]) -> Iterator[Text]:
    if cluster.get("verdict") == "degenerate":
        yield Text("Not an answer: see the run.", style="red")
    if cluster.get("title"):
        yield plain(cluster["title"])
    if cluster.get("title_source") == "model":  # others tell how traces begin, as the table does
        yield plain(cluster["description"])


def schedule_view(schedule: Mapping[str, Any]) -> RenderableType:
    state = "paused" if schedule["paused"] else "active"
    every = ", ".join(_interval(days) for days in schedule["interval_days"])
    note = f" ({schedule['note']})" if schedule["note"] else ""
    rows: list[tuple[str, str | Text]] = [
        ("Schedule", plain(schedule["id"])),
        ("State", plain(state + note)),
        ("Every", every),
        ("Next runs", "\n".join(when(moment) for moment in schedule["next_runs"])),
        ("Recent runs", "\n".join(when(m) for m in schedule["recent_runs"]) or "–"),
    ]
    return Fitted((Column("", whole=True), Column("")), rows, show_header=False)


def _interval(days: float) -> str:
    if days >= 1:
        return "day" if days == 1 else f"{days:g} days"
    minutes = round(days * 24 * 60)
    return "hour" if minutes == 60 else f"{minutes} minutes"


def settings_table(settings: Sequence[Mapping[str, Any]]) -> RenderableType:
    columns = (
        Column("Setting", is_id=True),
        Column("Value"),
        Column("From"),
        Column("Meaning", least_width=100),
    )
    names = ("name", "value", "source", "description")
    rows = [
        tuple(Text("" if one[name] is None else printable(str(one[name]))) for name in names)
        for one in settings
    ]
    return Fitted(columns, rows)


def when(moment: str | None) -> str:
    """A time for people: minutes, UTC."""
    if not moment:
        return "–"
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M")


def score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def output_console() -> Console:
    """Where data go: as wide as the terminal; without one as COLUMNS says, else a fixed width."""
    if sys.stdout.isatty():
        return Console()
    columns = os.environ.get("COLUMNS", "")
    given = int(columns) if columns.isdecimal() else 0
    return Console(width=given or WIDTH_WITHOUT_TERMINAL)


def error_console() -> Console:
    """Where progress and errors go, so that standard output holds data alone."""
    return Console(stderr=True)


@dataclass(frozen=True)
class Column:
    """A column of a table, and how it fares where room is short.

    Attributes:
        whole: never folded; for short values.
        is_id: kept whole as long as the others have room, and folded then, never cut.
        least: what an id's column leaves to this one.
        most: an id's column is no wider than this.
        least_width: left out where the whole table has less than this.
    """

    name: str
    is_number: bool = False
    whole: bool = False
    is_id: bool = False
    least: int = _LEAST_WIDTH
    most: int = 200
    least_width: int = 0


def number_column(name: str, least_width: int = 0) -> Column:
    return Column(name, is_number=True, whole=True, least_width=least_width)


@dataclass(frozen=True)
class Fitted:
    """A table that leaves out what is expendable and folds the rest where it is narrow."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Text]]
    show_header: bool = True
    lines: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        kept = [i for i, one in enumerate(self.columns) if options.max_width >= one.least_width]
        table = Table(header_style="bold", border_style="dim", show_header=self.show_header)
        for i in kept:
            column = self.columns[i]
            table.add_column(
                column.name,
                justify="right" if column.is_number else "left",
                no_wrap=column.whole,
                overflow="fold",
                width=self._id_width(i, kept, options.max_width) if column.is_id else None,
            )
        for row in self.rows:
            table.add_row(*(row[i] for i in kept), end_section=self.lines)
        yield table

    def _id_width(self, id_column: int, kept: Sequence[int], width: int) -> int:
        """As wide as the longest id, if the other columns' least leaves room for that."""
        others = [i for i in kept if i != id_column]
        taken = sum(
            self._widest(i) if self.columns[i].whole else self.columns[i].least for i in others
        )
        room = width - taken - 3 * len(kept) - 1  # a border and two blanks a column
        widest = min(self._widest(id_column), self.columns[id_column].most)
        return max(_LEAST_WIDTH, min(widest, room))

    def _widest(self, i: int) -> int:
        cells = [self.columns[i].name, *(row[i] for row in self.rows)]
        return max(cell_len(str(cell)) for cell in cells)


def bar(share: float, width: int = 10) -> str:
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_BLOCKS[rest] if rest else "")


def status_of(run: Mapping[str, Any]) -> Text:
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


def opening_of(member: Mapping[str, Any]) -> str:
    """How the trace begins, in its own words; else the text that was embedded."""
    return str(_metadata(member).get("opening") or member["content"])
