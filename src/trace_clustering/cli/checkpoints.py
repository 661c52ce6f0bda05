"""How far an ingest has come with each file, so that one that was interrupted can go on.

One small file each in the data folder of whoever ingests. It is about one file as it was (size
and time of change), one team and one place that the lines go to.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from trace_clustering.cli.sources import Source
from trace_clustering.settings import Settings

FOLDER = "ingest"


@dataclass(frozen=True)
class Checkpoint:
    """What is known of one file.

    Attributes:
        lines: so many were taken by the service, from the first on.
        done: whether those are all.
        counts: what became of them.
    """

    lines: int = 0
    done: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one team's files; none are kept of what is no regular file.

    Attributes:
        problem: why they cannot be kept, once that is known.
    """

    def __init__(self, settings: Settings, team_id: int) -> None:
        self.problem = ""
        self._folder = settings.data_dir / FOLDER
        self._about = f"{_destination(settings)}\n{team_id}\n"

    def read(self, source: Source) -> Checkpoint:
        """How far this file was taken; nothing of it, if it has changed since."""
        if source.size is None:
            return Checkpoint()
        try:
            known = json.loads(self._path(source).read_text(encoding="utf-8"))
            if known.pop("file") != _as_it_is(source):
                return Checkpoint()
            return Checkpoint(**known)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Checkpoint()

    def write(self, source: Source, checkpoint: Checkpoint) -> None:
        """Keep it; whoever reads meanwhile finds the old one or the new, never half of it."""
        if source.size is None or self.problem:
            return
        path = self._path(source)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        content = {"file": _as_it_is(source), **asdict(checkpoint)}
        try:
            # It tells names of files: it is nobody else's business, like the rest of the folder.
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.write_text(json.dumps(content), encoding="utf-8")
            os.replace(beside, path)
        except OSError as error:
            self.problem = f"{path.parent}: {error.strerror}"

    def finish(self, source: Source) -> None:
        """Mark a file as taken to its end, until ``forget``."""
        self.write(source, replace(self.read(source), done=True))

    def forget(self, sources: Iterable[Source]) -> None:
        """Begin these files anew next time."""
        for source in sources:
            try:
                self._path(source).unlink(missing_ok=True)
            except OSError as error:
                self.problem = f"{self._folder}: {error.strerror}"

    def _path(self, source: Source) -> Path:
        about = self._about + os.path.abspath(source.path)
        return self._folder / f"{hashlib.sha256(os.fsencode(about)).hexdigest()[:32]}.json"


def _as_it_is(source: Source) -> dict[str, str | int | None]:
    path = os.fsencode(os.path.abspath(source.path)).decode(errors="replace")
    return {"path": path, "size": source.size, "modified": source.modified}


def _destination(settings: Settings) -> str:
    """Where lines go to, without a password."""
    if settings.url is not None:
        return settings.url
    if settings.is_store_embedded:
        return str(settings.data_dir)
    place = urlsplit(settings.store_dsn)
    return f"{place.hostname}:{place.port}{place.path}"
