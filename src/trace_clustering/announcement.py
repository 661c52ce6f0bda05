"""How the command line finds a service that runs: a small file in the data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVICE_FILE = "service.json"


@contextmanager
def announced(data_dir: Path, url: str) -> Iterator[None]:
    """Say where the service is for as long as the context lasts.

    A later process may announce itself on the same folder; its word then stays.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    _write(data_dir / SERVICE_FILE, {"url": url, "pid": os.getpid()})
    try:
        yield
    finally:
        if _read(data_dir).get("pid") == os.getpid():
            (data_dir / SERVICE_FILE).unlink(missing_ok=True)


def announced_url(data_dir: Path) -> str | None:
    """Where a service of this data folder said that it is; it may be gone since."""
    url = _read(data_dir).get("url")
    return None if url is None else str(url)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Whoever reads meanwhile finds the old content or the new, never half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(content), encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _read(data_dir: Path) -> dict[str, Any]:
    try:
        content = json.loads((data_dir / SERVICE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
