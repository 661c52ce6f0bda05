"""Sends lines to the API, batch by batch, and remembers how far it has come."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from trace_clustering.cli import console
from trace_clustering.cli.checkpoints import Checkpoint, Checkpoints
from trace_clustering.cli.client import ApiClient
from trace_clustering.cli.sources import STANDARD_INPUT, Lines, Source
from trace_clustering.cli.unpacking import UnreadableError
from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.errors import ServiceError

BATCH_LINES = 500
BATCH_BYTES = 8 * 1024 * 1024
MAX_LISTED = 1000
COUNTED = ("received", "stored", "unchanged", "ignored")
BAD_LINES = "bad_lines"


@dataclass(frozen=True)
class BadLine:
    file: str
    line: int
    field: str
    problem: str

    @property
    def sentence(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.problem}"


@dataclass(frozen=True)
class BadFile:
    file: str
    problem: str

    @property
    def sentence(self) -> str:
        return f"{self.file}: {self.problem}"


@dataclass
class Totals:
    """What became of all lines of all files.

    Attributes:
        received: lines that were not blank.
        stored: events that are new, or other than they were.
        unchanged: events that were stored already, just like that.
        ignored: parts of lines that are no trace events.
        bad_lines: lines that could not be read, or not all of them.
        rejected: what is wrong with the first ``MAX_LISTED`` of them.
        unreadable: files that could not be read, or not to their end.
    """

    files: int = 0
    received: int = 0
    stored: int = 0
    unchanged: int = 0
    ignored: int = 0
    bad_lines: int = 0
    rejected: list[BadLine] = field(default_factory=list)
    unreadable: list[BadFile] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether everything could be read."""
        return not (self.bad_lines or self.unreadable)

    def add(self, counts: Mapping[str, int]) -> None:
        for name in (*COUNTED, BAD_LINES):
            setattr(self, name, getattr(self, name) + counts.get(name, 0))

    def list_bad(self, file: str, rejected: Iterable[dict[str, Any]]) -> list[BadLine]:
        """Add bad lines to the list; returns those that still had room there."""
        room = MAX_LISTED - len(self.rejected)
        listed = [BadLine(file, **bad) for bad in islice(rejected, room)]
        self.rejected += listed
        return listed

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Batch:
    """Whole lines of a file; ``first_line`` is counted from 1."""

    first_line: int
    content: bytes
    lines: int

    @property
    def last_line(self) -> int:
        return self.first_line + self.lines - 1


def batches(
    lines: Iterable[bytes],
    *,
    first_line: int = 1,
    max_lines: int = BATCH_LINES,
    max_bytes: int = BATCH_BYTES,
) -> Iterator[Batch]:
    """Group lines into batches of whole lines; a line beyond ``max_bytes`` goes alone.

    An error of ``lines`` comes after the lines before it.
    """
    held: list[bytes] = []
    size, number = 0, first_line
    broken: UnreadableError | None = None
    try:
        for line in lines:
            if held and (len(held) >= max_lines or size + len(line) > max_bytes):
                yield Batch(number, b"".join(held), len(held))
                number += len(held)
                held, size = [], 0
            held.append(line)
            size += len(line)
    except UnreadableError as error:
        broken = error
    if held:
        yield Batch(number, b"".join(held), len(held))
    if broken is not None:
        raise broken


class Upload:
    """Sends files to a team, showing how far it has come."""

    def __init__(
        self,
        api: ApiClient,
        err: Console,
        team_id: int,
        checkpoints: Checkpoints,
        *,
        batch_lines: int = BATCH_LINES,
        max_line_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._api = api
        self._err = err
        self._team_id = team_id
        self._checkpoints = checkpoints
        self._batch_lines = batch_lines
        self._max_line_bytes = max_line_bytes
        self._totals = Totals()
        # A thread of its own, because nobody waits for this one: a pipe may be silent for ever.
        self._reader = ThreadPoolExecutor(1)

    async def run(self, sources: Sequence[Source]) -> Totals:
        """Send them one after the other; returns what became of their lines.

        Raises:
            ServiceError: the service has gone, or cannot store anything.
        """
        self._totals.files = len(sources)
        sizes = [source.size for source in sources if source.size is not None]
        with progress_bar(self._err) as progress:
            task = progress.add_task("", total=sum(sizes) if len(sizes) == len(sources) else None)
            for number, source in enumerate(sources, 1):
                of = f" ({number} of {len(sources)})" if len(sources) > 1 else ""
                progress.update(task, description=f"{_short_name(source)}{of}")
                await self._send(source, lambda read: progress.advance(task, read))
        self._reader.shutdown(wait=False)
        return self._totals

    async def _send(self, source: Source, advance: Callable[[int], None]) -> None:
        known = self._checkpoints.read(source)
        self._totals.add(known.counts)
        if known.done:
            self._note(f"{source.name}: sent already, by an ingest that was interrupted")
            advance(source.size or 0)
            return
        if known.lines:
            self._note(f"{source.name}: going on at line {known.lines + 1:,}")
        lines = Lines(source, max_bytes=self._max_line_bytes)
        try:
            await self._send_lines(source, lines, known, advance)
        except UnreadableError as error:
            bad = BadFile(source.name, str(error))
            self._totals.unreadable.append(bad)
            self._note(bad.sentence, style="red")
        else:
            self._checkpoints.finish(source)
        finally:
            lines.close()

    async def _send_lines(
        self, source: Source, lines: Lines, known: Checkpoint, advance: Callable[[int], None]
    ) -> None:
        loop, shown = asyncio.get_running_loop(), 0
        reading = batches(
            islice(lines, known.lines, None),
            first_line=known.lines + 1,
            max_lines=self._batch_lines,
            max_bytes=min(BATCH_BYTES, self._max_line_bytes),
        )
        try:
            while batch := await loop.run_in_executor(self._reader, next, reading, None):
                counts = await self._send_batch(source, batch)
                known = Checkpoint(batch.last_line, counts=dict(Counter(known.counts) + counts))
                self._checkpoints.write(source, known)
                advance(lines.bytes_read - shown)
                shown = lines.bytes_read
        except (asyncio.CancelledError, ServiceError):
            if known.lines and source.size is not None and not self._checkpoints.problem:
                there = f"{source.name}: taken up to line {known.lines:,}"
                self._note(f"{there}; the same command goes on there")
            raise

    async def _send_batch(self, source: Source, batch: Batch) -> Counter[str]:
        if len(batch.content) > self._max_line_bytes:
            report = _too_long(batch, self._max_line_bytes)
        else:
            report = await self._api.ingest(self._team_id, batch.content, batch.first_line)
        counts = Counter({name: report[name] for name in COUNTED})
        counts[BAD_LINES] = len({bad["line"] for bad in report["rejected"]})
        self._totals.add(counts)
        for bad in self._totals.list_bad(source.name, report["rejected"]):
            self._note(bad.sentence, style="red")
        return counts

    def _note(self, text: str, style: str = "") -> None:
        self._err.print(console.plain(text), style=style, soft_wrap=True)


def _short_name(source: Source) -> str:
    if source.path == STANDARD_INPUT:
        return "standard input"
    return console.plain(source.path.name, 40).plain


def _too_long(batch: Batch, most: int) -> dict[str, Any]:
    """What the API would answer if it took a line of this length."""
    problem = f"longer than {most:,} bytes"
    bad = {"line": batch.first_line, "field": "line", "problem": problem}
    return {"received": 1, "stored": 0, "unchanged": 0, "ignored": 0, "rejected": [bad]}


def progress_bar(err: Console) -> Progress:
    """A bar over bytes, on standard error."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=err,
    )


def report_sentence(totals: Totals, team_id: int) -> str:
    """The totals in a sentence."""
    read = console.counted(totals.received, "line")
    parts = [f"{read} read, {console.counted(totals.stored, 'event')} stored for team {team_id}"]
    if totals.unchanged:
        were = "was" if totals.unchanged == 1 else "were"
        parts.append(f"{totals.unchanged:,} {were} stored already")
    if totals.ignored:
        are = "is no trace event" if totals.ignored == 1 else "are no trace events"
        parts.append(f"{totals.ignored:,} {are}")
    if totals.bad_lines:
        parts.append(f"{console.counted(totals.bad_lines, 'line')} could not be read")
    if totals.unreadable:
        parts.append(
            f"{console.counted(len(totals.unreadable), 'file')} could not be read to the end"
        )
    return ", ".join(parts) + "."
