"""What a command left behind, and files for it to read."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    def assert_refused(self, code: int, told: str) -> None:
        """One line on standard error, none on standard output, no stack trace."""
        assert self.code == code, self.err
        assert self.out == ""
        assert self.err.startswith("Error: ")
        assert self.err.count("\n") == 1
        assert told in self.err


Run = Callable[..., Done]
PROGRAM = Path(sys.executable).with_name("trace-clustering")


def environment(**given: str) -> dict[str, str]:
    """Of a process of the program: plain text, and warnings shown."""
    return {**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "default", **given}


def trace_line(trace_id: str, text: str = "hello there") -> str:
    trace = {
        "trace_id": trace_id,
        "timestamp": "2026-11-16T09:00:00Z",
        "messages": [{"role": "user", "content": text}],
    }
    return json.dumps(trace) + "\n"


def write(folder: Path, *lines: str | bytes, name: str = "traces.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(x.encode() if isinstance(x, str) else x for x in lines))
    return path
