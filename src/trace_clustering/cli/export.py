"""The command ``export``: a run's traces as a file, one row each."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, get_args

import typer
from rich.filesize import decimal

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, run_path
from trace_clustering.cli.output_file import STANDARD_OUTPUT, opened, told, write_all
from trace_clustering.cli.shared import EXIT_FAILED, Context, DataDirOption, call
from trace_clustering.errors import InvalidInputError

FileFormat = Literal["parquet", "csv", "jsonl"]

_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)


def export(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(help="Run id, see `runs`.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write; - is standard output.")
    ],
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="Kind of file (as its name ends).")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write a run's sampled traces to a file, one row each."""
    shared: Context = ctx.obj
    chosen = file_format or format_of(output)
    try:
        with opened(output) as file:
            size = call(
                shared,
                lambda api: _downloaded(api, run_id, chosen, file, output),
                data_dir=data_dir,
            )
    except BrokenPipeError:
        raise typer.Exit(EXIT_FAILED) from None
    if output != STANDARD_OUTPUT:
        shared.err.print(console.plain(f"Wrote {output}, {decimal(size)}"), soft_wrap=True)


def format_of(output: str) -> FileFormat:
    """The kind of file that a name promises by its end.

    Raises:
        InvalidInputError: it promises none that there is.
    """
    suffix = Path(output).suffix.lower()
    for known in _FORMATS:
        if suffix == f".{known}":
            return known
    raise InvalidInputError(
        "--format",
        f"say parquet, csv or jsonl, as {output} does not end in .parquet, .csv or .jsonl",
    )


async def _downloaded(
    api: ApiClient, run_id: str, chosen: FileFormat, file: BinaryIO, output: str
) -> int:
    """Write what comes while it comes; returns how many bytes that were."""
    size = 0
    async with aclosing(api.download(run_path(run_id, "export"), format=chosen)) as pieces:
        async for piece in pieces:
            with told(output):
                write_all(file, piece)
            size += len(piece)
    return size
