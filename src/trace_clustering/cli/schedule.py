"""The commands about the schedules of the clustering and of the summarization.

Where no service runs they start Temporal alone: without a worker, a look at the schedule cannot
begin work that would be broken off when the command ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, Needs
from trace_clustering.cli.shared import Context, DataDirOption, JsonOption, call
from trace_clustering.models import ScheduleName

schedule_app = typer.Typer(help="The schedules.", no_args_is_help=True)

PATH = "/api/v1/schedule"
OfOption = Annotated[
    ScheduleName, typer.Option("--of", help="Which one: of the clustering or the summarization.")
]
CLUSTERING: ScheduleName = "clustering"
PAUSE_NOTE = "paused on the command line"


@schedule_app.command("show")
def show(
    ctx: typer.Context,
    of: OfOption = CLUSTERING,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a schedule: paused or not, and its next runs."""
    _ask(ctx, lambda api: api.get(PATH, of=of), data_dir, as_json)


@schedule_app.command("create")
def create(
    ctx: typer.Context,
    of: OfOption = CLUSTERING,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a schedule as the settings say, or bring it up to date."""
    _ask(ctx, lambda api: api.put(PATH, of=of), data_dir, as_json)


@schedule_app.command("pause")
def pause(
    ctx: typer.Context,
    note: Annotated[str, typer.Option(help="Why.", show_default=False)] = PAUSE_NOTE,
    of: OfOption = CLUSTERING,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start no scheduled run until resumed."""
    _ask(ctx, lambda api: api.post(f"{PATH}/pause", {"note": note}, of=of), data_dir, as_json)


@schedule_app.command("resume")
def resume(
    ctx: typer.Context,
    of: OfOption = CLUSTERING,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start scheduled runs again."""
    _ask(ctx, lambda api: api.post(f"{PATH}/resume", of=of), data_dir, as_json)


@schedule_app.command("trigger")
def trigger(
    ctx: typer.Context,
    of: OfOption = CLUSTERING,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start the scheduled coordinator now, unless it is running; a service has to run."""
    _ask(ctx, lambda api: api.post(f"{PATH}/trigger", of=of), data_dir, as_json, needs="lasting")


@schedule_app.command("delete")
def delete(
    ctx: typer.Context,
    of: OfOption = CLUSTERING,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a schedule; the next worker to start creates it again."""
    shared: Context = ctx.obj
    done = call(shared, lambda api: api.delete(PATH, of=of), needs="temporal", data_dir=data_dir)
    if as_json:
        shared.show(as_json, done, str)
    else:
        shared.err.print("Schedule deleted.")


def _ask(
    ctx: typer.Context,
    request: Callable[[ApiClient], Awaitable[Any]],
    data_dir: Path | None,
    as_json: bool,
    needs: Needs = "temporal",
) -> None:
    shared: Context = ctx.obj
    found = call(shared, request, needs=needs, data_dir=data_dir)
    shared.show(as_json, found, lambda: console.schedule_view(found))
