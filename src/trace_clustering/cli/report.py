"""The command ``report``: a run as a page of its own."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.filesize import decimal

from trace_clustering.cli import console
from trace_clustering.cli.client import run_path
from trace_clustering.cli.output_file import STANDARD_OUTPUT, opened, write_all
from trace_clustering.cli.shared import EXIT_FAILED, Context, DataDirOption, call


def report(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(help="Run id, see `runs`.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write; - is standard output.")
    ],
    data_dir: DataDirOption = None,
) -> None:
    """Write a run as one page of HTML, with its map; the page loads nothing from outside."""
    shared: Context = ctx.obj
    path = run_path(run_id, "report")
    try:
        with opened(output) as file:
            page = call(shared, lambda api: api.get_text(path), data_dir=data_dir).encode()
            write_all(file, page)
    except BrokenPipeError:
        raise typer.Exit(EXIT_FAILED) from None
    if output != STANDARD_OUTPUT:
        shared.err.print(console.plain(f"Wrote {output}, {decimal(len(page))}"), soft_wrap=True)
