"""The command line: a client of the HTTP API. Data on standard output, the rest on error.

Exit codes: 0 done; 1 failed; 2 bad input or usage; 3 not found; 4 a service could not be
reached or started; 130 interrupted.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from typing import Annotated, Any, Literal

import typer

from trace_clustering import __version__
from trace_clustering.cli import console
from trace_clustering.cli.client import NoServiceError
from trace_clustering.cli.export import export
from trace_clustering.cli.ingest import ingest
from trace_clustering.cli.keys import keys_app
from trace_clustering.cli.report import report
from trace_clustering.cli.schedule import schedule_app
from trace_clustering.cli.shared import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_NOT_FOUND,
    EXIT_UNREACHABLE,
    WITHOUT_NO_WAIT,
    Context,
    DataDirOption,
    JsonOption,
    LimitOption,
    TeamOption,
    call,
    configure_logging,
)
from trace_clustering.cli.show import show
from trace_clustering.cli.summarize import embed, summarize
from trace_clustering.cli.trace import trace
from trace_clustering.errors import (
    InvalidInputError,
    NotFoundError,
    ServiceError,
    SettingsError,
    StoreError,
    TraceClusteringError,
)
from trace_clustering.settings import ENV_PREFIX
from trace_clustering.settings_sources import describe_settings

app = typer.Typer(
    name="trace-clustering",
    help="Groups the traces of LLM applications by meaning, every day.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(schedule_app, name="schedule")
app.add_typer(keys_app, name="keys")

PortOption = Annotated[int | None, typer.Option(help="Port of the HTTP service (8234).")]
HostOption = Annotated[str | None, typer.Option(help="Address to bind to (127.0.0.1).")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trace-clustering {__version__}")
        raise typer.Exit


@app.callback()
def common(
    ctx: typer.Context,
    data_dir: DataDirOption = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Groups the traces of LLM applications by meaning, every day."""
    ctx.obj = Context({"data_dir": data_dir} if data_dir else {})


@app.command()
def demo(ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Make three weeks of traces for four teams, cluster them, show the clusters."""
    from trace_clustering.cli.demo import run_demo

    shared: Context = ctx.obj
    result = call(shared, lambda api: run_demo(api, shared.err), needs="worker", data_dir=data_dir)
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


app.command()(ingest)
app.command()(summarize)
app.command()(embed)
app.command()(trace)


@app.command()
def teams(ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List teams that have usable embeddings."""
    shared: Context = ctx.obj
    found = call(shared, lambda api: api.get("/api/v1/teams"), data_dir=data_dir)["teams"]
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
    from trace_clustering.cli.watching import run_parameters, start_and_watch

    shared: Context = ctx.obj
    parameters = run_parameters(locals())
    try:
        outcome = call(
            shared,
            lambda api: start_and_watch(api, shared.err, team_id, parameters, wait=wait),
            needs="worker" if wait else "lasting",
            data_dir=data_dir,
        )
    except NoServiceError:
        raise NoServiceError(WITHOUT_NO_WAIT) from None
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
    found = call(shared, lambda api: api.get(path, limit=limit), data_dir=data_dir)["runs"]
    shared.show(as_json, found, lambda: console.runs_table(found, team_id))


app.command()(show)
app.command()(report)
app.command()(export)


@app.command()
def config(ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show every setting, its value and where it came from; secrets are masked."""
    shared: Context = ctx.obj
    found = describe_settings(shared.settings(data_dir=data_dir), shared.overrides)
    shared.show(as_json, found, lambda: console.settings_table(found))


def _serve(shared: Context, mode: Literal["up", "worker", "serve"], **overrides: Any) -> None:
    from trace_clustering.service import run_service

    settings = shared.settings(**overrides)
    configure_logging(settings)
    asyncio.run(run_service(settings, mode, shared.err, shared.overrides))


def _exit_code(error: TraceClusteringError) -> int:
    if isinstance(error, NotFoundError):
        return EXIT_NOT_FOUND
    if isinstance(error, InvalidInputError | SettingsError | NoServiceError):
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
    except Exception as error:  # noqa: BLE001 - a bug: told in a line, and where on request
        return _tell_bug(error)
    return 0


def _tell_bug(error: Exception) -> int:
    """What nobody foresaw, in a line; the environment alone says whether to show where."""
    variable = f"{ENV_PREFIX}LOG_LEVEL"
    if os.environ.get(variable, "").lower() == "debug":
        traceback.print_exception(error)
    told = f"{type(error).__name__}: {console.plain(str(error)).plain}"
    typer.secho(f"Error: unexpected ({variable}=debug shows where): {told}", err=True, fg="red")
    return EXIT_FAILED


def main() -> None:
    """Entry point of the command ``trace-clustering``."""
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed by now. The Temporal SDK's native threads now and then abort a
    # process that lets the interpreter take itself down.
    os._exit(code)
