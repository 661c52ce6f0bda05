"""Lines of files in, events stored: reads one batch of any of the kinds that are understood.

The store is handed in; nothing here knows SQL or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TraceEvent
from trace_clustering.store import Events
from trace_clustering.traces.receiving.lines import read_line


@dataclass(frozen=True)
class RejectedLine:
    """A line, or a part of one, that was left out.

    Attributes:
        line: its number, counted from 1.
        field: what of it is wrong.
    """

    line: int
    field: str
    problem: str


@dataclass(frozen=True)
class IngestReport:
    """What became of a batch of lines.

    Attributes:
        received: lines that were not blank.
        stored: events that were written.
        unchanged: events that were stored already, just like that.
        ignored: events that are no part of a trace.
        rejected: lines, or parts of them, that could not be taken.
    """

    received: int
    stored: int
    unchanged: int
    ignored: int
    rejected: list[RejectedLine]


@dataclass
class _Reading:
    received: int = 0
    ignored: int = 0
    events: list[TraceEvent] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)

    def take(self, number: int, line: bytes, now: datetime) -> None:
        self.received += 1
        try:
            delivery = read_line(line, now=now)
        except InvalidInputError as error:
            self.rejected.append(RejectedLine(number, error.field, error.problem))
            return
        self.ignored += delivery.ignored
        self.events += delivery.events
        self.rejected += [RejectedLine(number, r.part, r.problem) for r in delivery.rejected]


def ingest_lines(
    events: Events, team_id: int, lines: Iterable[bytes], *, now: datetime, first_line: int = 1
) -> IngestReport:
    """Store the events of one batch of lines; bad lines are reported, the rest is stored.

    Within a batch the last line with an id wins, as it would in a later batch.
    """
    reading = _Reading()
    for number, line in enumerate(lines, start=first_line):
        if line.strip():
            reading.take(number, line, now)
    stored = events.insert(team_id, reading.events)
    return IngestReport(
        received=reading.received,
        stored=stored,
        unchanged=len(reading.events) - stored,
        ignored=reading.ignored,
        rejected=reading.rejected,
    )
