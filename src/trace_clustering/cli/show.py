"""``trace-clustering show``: what a run found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, get_cluster, run_path
from trace_clustering.cli.run_parts import facts_view, outliers_view, tree_view
from trace_clustering.cli.run_views import headed_view, run_view
from trace_clustering.cli.shared import Context, DataDirOption, JsonOption, LimitOption, call
from trace_clustering.errors import InvalidInputError


def show(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(help="Run id, see `runs`.")],
    tree: Annotated[bool, typer.Option("--tree", help="The groups under the clusters.")] = False,
    outliers: Annotated[
        bool, typer.Option("--outliers", help="The traces that stand out.")
    ] = False,
    facts: Annotated[bool, typer.Option("--facts", help="All figures of each cluster.")] = False,
    cluster: Annotated[int | None, typer.Option(help="Show one cluster.", min=0)] = None,
    limit: LimitOption = 20,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run's clusters; with --json the event's properties exactly as stored."""
    shared: Context = ctx.obj
    if cluster is not None:
        if tree or outliers or facts:
            raise InvalidInputError("--cluster", "goes without --tree, --outliers and --facts")
        found = call(
            shared, lambda api: get_cluster(api, run_id, cluster, limit), data_dir=data_dir
        )
        shared.show(as_json, found, lambda: console.cluster_view(found, run_id))
    elif as_json:
        path = run_path(run_id, "event")
        typer.echo(call(shared, lambda api: api.get_text(path), data_dir=data_dir))
    else:
        wanted = {"tree": tree, "facts": facts, "outliers": outliers}
        detail, found = call(
            shared, lambda api: _ask(api, run_id, limit, wanted), data_dir=data_dir
        )
        shared.out.print(_view(detail, found, wanted))


async def _ask(
    api: ApiClient, run_id: str, limit: int, wanted: Mapping[str, bool]
) -> tuple[Any, Any]:
    """The run, and its outliers where they are wanted."""
    detail = await api.get(run_path(run_id), members=0 if any(wanted.values()) else 3)
    if not wanted["outliers"]:
        return detail, None
    return detail, await api.get(run_path(run_id, "outliers"), limit=limit)


def _view(detail: Any, outliers: Any, wanted: Mapping[str, bool]) -> RenderableType:
    if detail["facts"] is None or not any(wanted.values()):
        return run_view(detail)
    views: dict[str, Callable[[], RenderableType]] = {
        "tree": lambda: tree_view(detail),
        "facts": lambda: facts_view(detail),
        "outliers": lambda: outliers_view(outliers),
    }
    return headed_view(detail, [view() for name, view in views.items() if wanted[name]])
