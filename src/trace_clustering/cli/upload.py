"""Sends files of trace lines to the API, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from trace_clustering.cli.client import ApiClient
from trace_clustering.cli.console import counted
from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.errors import InvalidInputError

BATCH_LINES = 500
BATCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class BadLine:
    file: str
    line: int
    field: str
    problem: str

    @property
    def sentence(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.problem}"


@dataclass
class Totals:
    """What became of all lines of all files."""

    files: int = 0
    received: int = 0
    stored: int = 0
    unchanged: int = 0
    rejected: list[BadLine] = field(default_factory=list)

    def add(self, file: str, report: dict[str, Any]) -> None:
        self.received += report["received"]
        self.stored += report["stored"]
        self.unchanged += report["unchanged"]
        self.rejected += [BadLine(file, **bad) for bad in report["rejected"]]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Batch:
    """Whole lines of a file; ``first_line`` is counted from 1."""

    first_line: int
    content: bytes


def check_readable(files: Sequence[Path]) -> None:
    """Find out before anything is sent.

    Raises:
        InvalidInputError: names the first file that cannot be read.
    """
    for path in files:
        try:
            # Nothing is read: what a pipe has given cannot be read again.
            path.open("rb").close()
        except OSError as error:
            raise InvalidInputError("FILE", f"{path}: {error.strerror}") from None


def batches(
    lines: Iterator[bytes], *, max_lines: int = BATCH_LINES, max_bytes: int = BATCH_BYTES
) -> Iterator[Batch]:
    """Group lines into batches of whole lines; a line beyond ``max_bytes`` goes alone."""
    held: list[bytes] = []
    size, first = 0, 1
    for number, line in enumerate(lines, 1):
        if held and (len(held) >= max_lines or size + len(line) > max_bytes):
            yield Batch(first, b"".join(held))
            held, size, first = [], 0, number
        held.append(line)
        size += len(line)
    if held:
        yield Batch(first, b"".join(held))


async def upload_files(api: ApiClient, err: Console, team_id: int, files: Sequence[Path]) -> Totals:
    """Send the files, showing progress; returns what became of their lines."""
    totals = Totals(files=len(files))
    with progress_bar(err) as progress:
        for path in files:
            task = progress.add_task(path.name, total=path.stat().st_size or None)
            with path.open("rb") as opened:
                for batch in batches(iter(opened)):
                    if len(batch.content) > MAX_BODY_BYTES:
                        totals.add(str(path), _too_long(batch))
                    else:
                        report = await api.ingest(team_id, batch.content, batch.first_line)
                        totals.add(str(path), report)
                    progress.advance(task, len(batch.content))
    return totals


def _too_long(batch: Batch) -> dict[str, Any]:
    """What the API would answer if it took a line of this length."""
    problem = f"longer than {MAX_BODY_BYTES:,} bytes"
    bad = {"line": batch.first_line, "field": "line", "problem": problem}
    return {"received": 1, "stored": 0, "unchanged": 0, "rejected": [bad]}


def progress_bar(err: Console) -> Progress:
    """A bar over bytes, on standard error."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=err,
    )


def report_view(totals: Totals, team_id: int) -> str:
    """The totals in a sentence."""
    parts = [f"{counted(totals.stored, 'trace')} stored for team {team_id}"]
    if totals.unchanged:
        were = "was" if totals.unchanged == 1 else "were"
        parts.append(f"{totals.unchanged:,} {were} stored already")
    if totals.rejected:
        parts.append(f"{counted(len(totals.rejected), 'line')} could not be read")
    return ", ".join(parts) + "."
