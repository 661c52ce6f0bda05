"""The API's route for a run's traces as a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from io import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from trace_clustering.web.browse_routes import told
from trace_clustering.web.export import Format, export_chunks, media_type
from trace_clustering.web.routes import Given, RunStories
from trace_clustering.web.table_query import TableQuery, trace_filter

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 256 * 1024


class ExportQuery(TableQuery):
    """A table, whole: its pages do not count."""

    file_format: Format = Field("jsonl", alias="format", description="What kind of file.")


@router.get("/{run_id}/export", response_class=StreamingResponse)
def export(
    services: Given, stories: RunStories, run_id: str, query: Annotated[ExportQuery, Query()]
) -> StreamingResponse:
    """The run's sampled traces as a file, one row each: those of a table, in its order."""
    run, properties = told(stories.of(run_id))
    which = trace_filter(query, properties)
    batches = services.store.browsing.rows(run.team_id, run_id, which, query.sort)
    file_format = query.file_format
    file = _spooled(export_chunks(batches, properties, file_format))
    name = f"{run_id.replace(':', '')}.{file_format}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(file.seek(0, SEEK_END)),
    }
    return StreamingResponse(_pieces(file), media_type=media_type(file_format), headers=headers)


def _spooled(chunks: Iterator[bytes]) -> IO[bytes]:
    """A whole file, large ones on disk, before anything of it is sent.

    What fails has an answer of its own then, where an answer that broke off could pass for whole;
    and who reads slowly keeps nobody from the store.
    """
    with ExitStack() as failed:
        file = failed.enter_context(SpooledTemporaryFile(_IN_MEMORY))
        for chunk in chunks:
            file.write(chunk)
        failed.pop_all()
        return file


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece
