"""The command ``ingest``: lines of files, folders and standard input go to the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from trace_clustering.cli import console
from trace_clustering.cli.checkpoints import Checkpoints
from trace_clustering.cli.client import ApiClient
from trace_clustering.cli.shared import (
    EXIT_FAILED,
    Context,
    DataDirOption,
    JsonOption,
    TeamOption,
    call,
)
from trace_clustering.cli.sources import Found, Source, find_sources
from trace_clustering.cli.summaries import Summaries, summarize_pending
from trace_clustering.cli.upload import Totals, Upload, report_sentence
from trace_clustering.errors import ServiceError

MAX_NAMED = 20


@dataclass(frozen=True)
class Ingested:
    """What an ingest did; no summaries where none were asked for."""

    totals: Totals
    summaries: Summaries | None

    @property
    def is_whole(self) -> bool:
        """Whether all could be read, and nothing failed."""
        return self.totals.is_whole and not (self.summaries and self.summaries.failed)

    def as_json(self) -> dict[str, Any]:
        summaries = self.summaries.as_json() if self.summaries else None
        return {**self.totals.as_json(), "summaries": summaries}

    def sentences(self, team_id: int) -> str:
        read = report_sentence(self.totals, team_id)
        return f"{read}\n{self.summaries.sentence}" if self.summaries else read


def ingest(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(help="Files, folders, or - for standard input.", allow_dash=True),
    ],
    team_id: TeamOption,
    restart: Annotated[
        bool, typer.Option("--restart", help="Send all again, also after an interruption.")
    ] = False,
    summarize: Annotated[
        bool, typer.Option(help="Summarize and embed at once, not only on the schedule.")
    ] = True,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load traces from files with a JSON object a line; goes on where it was interrupted."""
    shared: Context = ctx.obj
    found = find_sources(files)
    _name_passed_over(shared.err, found)
    checkpoints = Checkpoints(shared.settings(data_dir=data_dir), team_id)
    if restart:
        checkpoints.forget(found.sources)

    async def load(api: ApiClient) -> Ingested:
        totals = await Upload(api, shared.err, team_id, checkpoints).run(found.sources)
        summaries = await _summarized(api, shared.err, team_id) if summarize else None
        return Ingested(totals, summaries)

    done: Ingested = call(shared, load, data_dir=data_dir)
    _finish(shared.err, checkpoints, found.sources)
    shared.show(as_json, done.as_json(), lambda: done.sentences(team_id))
    if not done.is_whole:
        raise typer.Exit(EXIT_FAILED)


async def _summarized(api: ApiClient, err: Console, team_id: int) -> Summaries:
    try:
        return await summarize_pending(api, err, team_id)
    except ServiceError:
        err.print(
            "All was stored, but not all summarized. Go on with: "
            f"trace-clustering summarize --team-id {team_id} --now",
            soft_wrap=True,
        )
        raise


def _finish(err: Console, checkpoints: Checkpoints, sources: Sequence[Source]) -> None:
    checkpoints.forget(sources)
    if checkpoints.problem:
        err.print(
            console.plain(f"After an interruption it would have begun anew: {checkpoints.problem}"),
            soft_wrap=True,
        )


def _name_passed_over(err: Console, found: Found) -> None:
    for path in found.passed_over[:MAX_NAMED]:
        err.print(console.plain(f"Passed over: {path}"), soft_wrap=True)
    if len(found.passed_over) > MAX_NAMED:
        err.print(f"Passed over: {len(found.passed_over) - MAX_NAMED:,} more")
