"""The command line: a client of the HTTP API. Data on standard output, the rest on error.

Exit codes: 0 done; 1 failed; 2 bad input or usage; 3 not found; 4 a service could not be
reached or started; 130 interrupted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console, RenderableType

from trace_clustering import __version__
from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, api_client, run_path
from trace_clustering.errors import (
    InvalidInputError,
    NotFoundError,
    ServiceError,
    SettingsError,
    StoreError,
    TraceClusteringError,
)
from trace_clustering.settings import Settings, describe_settings, load_settings

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 1, 2, 3, 4, 130

app = typer.Typer(
    name="trace-clustering",
    help="Groups the traces of LLM applications by meaning, every day.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
schedule_app = typer.Typer(help="The coordinator's schedule.", no_args_is_help=True)
app.add_typer(schedule_app, name="schedule")

TeamOption = Annotated[int, typer.Option("--team-id", help="Team id.", min=1)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LimitOption = Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)]
PortOption = Annotated[int | None, typer.Option(help="Port of the HTTP service (8234).")]
HostOption = Annotated[str | None, typer.Option(help="Address to bind to (127.0.0.1).")]


@dataclass
class Context:
    """What all commands share: the settings given on the command line, and the output."""

    overrides: dict[str, Any] = field(default_factory=dict)
    out: Console = field(default_factory=console.output_console)
    err: Console = field(default_factory=console.error_console)

    def settings(self, **overrides: Any) -> Settings:
        self.overrides.update({k: v for k, v in overrides.items() if v is not None})
        return load_settings(self.overrides)

    def show(self, as_json: bool, data: Any, view: Callable[[], RenderableType]) -> None:
        """Print data for scripts or for people."""
        if as_json:
            typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        else:
            self.out.print(view())


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trace-clustering {__version__}")
        raise typer.Exit


@app.callback()
def common(
    ctx: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that holds all local state.")
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Groups the traces of LLM applications by meaning, every day."""
    ctx.obj = Context({"data_dir": data_dir} if data_dir else {})


DataDirOption = Annotated[Path | None, typer.Option(help="Folder that holds all local state.")]


@app.command()
def demo(ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Make three weeks of traces for four teams, cluster them, show the clusters."""
    from trace_clustering.cli.demo import run_demo

    shared: Context = ctx.obj
    result = _call(shared, lambda api: run_demo(api, shared.err), temporal=True, data_dir=data_dir)
    shared.show(as_json, result.as_json(), result.view)


@app.command()
def up(
    ctx: typer.Context,
    data_dir: DataDirOption = None,
    host: HostOption = None,
    port: PortOption = None,
    temporal_port: Annotated[int | None, typer.Option(help="Embedded Temporal (7233).")] = None,
    temporal_ui_port: Annotated[int | None, typer.Option(help="Temporal's page (8233).")] = None,
) -> None:
    """Run everything in this process: store, Temporal, worker, schedule, HTTP service."""
    _serve(
        ctx.obj,
        "up",
        data_dir=data_dir,
        host=host,
        port=port,
        temporal_port=temporal_port,
        temporal_ui_port=temporal_ui_port,
    )


@app.command()
def worker(
    ctx: typer.Context,
    data_dir: DataDirOption = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve /metrics and /healthz on this port.")
    ] = None,
) -> None:
    """Run a worker for a Temporal and a ClickHouse server; start as many as you need."""
    _serve(ctx.obj, "worker", data_dir=data_dir, metrics_port=metrics_port)


@app.command()
def serve(
    ctx: typer.Context,
    data_dir: DataDirOption = None,
    host: HostOption = None,
    port: PortOption = None,
) -> None:
    """Run the HTTP service alone, for a Temporal and a ClickHouse server."""
    _serve(ctx.obj, "serve", data_dir=data_dir, host=host, port=port)


@app.command()
def ingest(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Files with one trace a line.")],
    team_id: TeamOption,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load trace lines from files; bad lines are reported, the rest is loaded."""
    from trace_clustering.cli.upload import check_readable, report_view, upload_files

    shared: Context = ctx.obj
    check_readable(files)
    totals = _call(
        shared, lambda api: upload_files(api, shared.err, team_id, files), data_dir=data_dir
    )
    for bad in totals.rejected:
        shared.err.print(console.plain(bad.sentence), style="red", soft_wrap=True)
    shared.show(as_json, totals.as_json(), lambda: report_view(totals, team_id))
    if totals.rejected:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def teams(ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List teams that have usable embeddings."""
    shared: Context = ctx.obj
    found = _call(shared, lambda api: api.get("/api/v1/teams"), data_dir=data_dir)["teams"]
    shared.show(as_json, found, lambda: console.teams_table(found))


@app.command()
def trigger(
    ctx: typer.Context,
    team_id: TeamOption,
    lookback_days: Annotated[int | None, typer.Option(help="Days of history.")] = None,
    max_samples: Annotated[int | None, typer.Option(help="Traces sampled at most.")] = None,
    min_k: Annotated[int | None, typer.Option(help="Smallest number of clusters.")] = None,
    max_k: Annotated[int | None, typer.Option(help="Largest number of clusters.")] = None,
    window_start: Annotated[str | None, typer.Option(help="RFC 3339 with a zone.")] = None,
    window_end: Annotated[str | None, typer.Option(help="RFC 3339 with a zone.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of sample and k-means.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until the run has ended.")] = True,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cluster a team now."""
    from trace_clustering.cli.watching import start_and_watch

    shared: Context = ctx.obj
    given = {
        "lookback_days": lookback_days,
        "max_samples": max_samples,
        "min_k": min_k,
        "max_k": max_k,
        "window_start": window_start,
        "window_end": window_end,
        "seed": seed,
    }
    body = {name: value for name, value in given.items() if value is not None}
    outcome = _call(
        shared,
        lambda api: start_and_watch(api, shared.err, f"/api/v1/teams/{team_id}/runs", body, wait),
        temporal=True,
        data_dir=data_dir,
    )
    shared.show(as_json, outcome.as_json(), outcome.view)
    if outcome.failed:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def runs(
    ctx: typer.Context,
    team_id: TeamOption,
    limit: LimitOption = 20,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a team's runs, latest first."""
    shared: Context = ctx.obj
    path = f"/api/v1/teams/{team_id}/runs"
    found = _call(shared, lambda api: api.get(path, limit=limit), data_dir=data_dir)["runs"]
    shared.show(as_json, found, lambda: console.runs_table(found, team_id))


@app.command()
def show(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(help="Run id, see `runs`.")],
    cluster: Annotated[int | None, typer.Option(help="Show one cluster.", min=0)] = None,
    limit: LimitOption = 20,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run's clusters; with --json the event's properties exactly as stored."""
    shared: Context = ctx.obj
    if cluster is not None:
        path = run_path(run_id, "clusters", str(cluster))
        found = _call(shared, lambda api: api.get(path, limit=limit), data_dir=data_dir)
        shared.show(as_json, found, lambda: console.cluster_view(found, run_id))
    elif as_json:
        path = run_path(run_id, "event")
        typer.echo(_call(shared, lambda api: api.get_text(path), data_dir=data_dir))
    else:
        detail = _call(shared, lambda api: api.get(run_path(run_id)), data_dir=data_dir)
        shared.out.print(console.run_view(detail))


@app.command()
def config(ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show every setting, its value and where it came from; secrets are masked."""
    shared: Context = ctx.obj
    found = describe_settings(shared.settings(data_dir=data_dir), shared.overrides)
    shared.show(as_json, found, lambda: console.settings_table(found))


@schedule_app.command("show")
def schedule_show(
    ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """Show the schedule: paused or not, and its next runs."""
    _schedule(ctx, lambda api: api.get(_SCHEDULE), data_dir, as_json)


@schedule_app.command("create")
def schedule_create(
    ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """Create the schedule as the settings say, or bring it up to date."""
    _schedule(ctx, lambda api: api.put(_SCHEDULE), data_dir, as_json)


@schedule_app.command("pause")
def schedule_pause(
    ctx: typer.Context,
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start no scheduled run until resumed."""
    _schedule(ctx, lambda api: api.post(f"{_SCHEDULE}/pause", {"note": note}), data_dir, as_json)


@schedule_app.command("resume")
def schedule_resume(
    ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """Start scheduled runs again."""
    _schedule(ctx, lambda api: api.post(f"{_SCHEDULE}/resume"), data_dir, as_json)


@schedule_app.command("trigger")
def schedule_trigger(
    ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """Start the scheduled coordinator now, unless it is running."""
    _schedule(ctx, lambda api: api.post(f"{_SCHEDULE}/trigger"), data_dir, as_json)


@schedule_app.command("delete")
def schedule_delete(ctx: typer.Context, data_dir: DataDirOption = None) -> None:
    """Delete the schedule; the next worker to start creates it again."""
    shared: Context = ctx.obj
    _call(shared, lambda api: api.delete(_SCHEDULE), temporal=True, data_dir=data_dir)
    shared.err.print("Schedule deleted.")


_SCHEDULE = "/api/v1/schedule"


def _schedule(
    ctx: typer.Context,
    request: Callable[[ApiClient], Awaitable[Any]],
    data_dir: Path | None,
    as_json: bool,
) -> None:
    shared: Context = ctx.obj
    found = _call(shared, request, temporal=True, data_dir=data_dir)
    shared.show(as_json, found, lambda: console.schedule_view(found))


def _call(
    shared: Context,
    request: Callable[[ApiClient], Awaitable[Any]],
    *,
    temporal: bool = False,
    data_dir: Path | None = None,
) -> Any:
    settings = shared.settings(data_dir=data_dir)
    _configure_logging(settings.model_copy(update={"log_level": "error"}))

    async def run() -> Any:
        async with api_client(settings, needs_temporal=temporal, overrides=shared.overrides) as api:
            return await request(api)

    return asyncio.run(run())


def _serve(shared: Context, mode: Literal["up", "worker", "serve"], **overrides: Any) -> None:
    from trace_clustering.service import run_service

    settings = shared.settings(**overrides)
    _configure_logging(settings)
    asyncio.run(run_service(settings, mode, shared.err, shared.overrides))


def _configure_logging(settings: Settings) -> None:
    from trace_clustering.observability import configure_logging

    configure_logging(settings)


def _exit_code(error: TraceClusteringError) -> int:
    if isinstance(error, NotFoundError):
        return EXIT_NOT_FOUND
    if isinstance(error, InvalidInputError | SettingsError):
        return EXIT_BAD_INPUT
    return EXIT_UNREACHABLE if isinstance(error, ServiceError | StoreError) else EXIT_FAILED


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Users' errors are one line, no stack trace."""
    try:
        app(args=arguments)
    except TraceClusteringError as error:
        typer.secho(f"Error: {console.plain(str(error)).plain}", err=True, fg="red")
        return _exit_code(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else EXIT_FAILED
    return 0


def main() -> None:
    """Entry point of the command ``trace-clustering``."""
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed by now. The Temporal SDK's native threads now and then abort a
    # process that lets the interpreter take itself down.
    os._exit(code)
