"""How the command line finds a service that runs: a small file in the data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVICE_FILE = "service.json"


@contextmanager
def announced(data_dir: Path, url: str) -> Iterator[None]:
    """Say where the service is for as long as the context lasts."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / SERVICE_FILE
    path.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def announced_url(data_dir: Path) -> str | None:
    """Where a service of this data folder said that it is; it may be gone since."""
    try:
        content = json.loads((data_dir / SERVICE_FILE).read_text(encoding="utf-8"))
        return str(content["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
