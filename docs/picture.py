"""Draws ``docs/demo.svg``: a run as ``trace-clustering show`` prints it.

    python docs/picture.py --data-dir FOLDER --team-id 103

The folder is one that ``trace-clustering demo`` filled. The picture loads nothing from outside.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import re
from pathlib import Path

from rich.console import Console

from trace_clustering.cli.client import api_client, run_path
from trace_clustering.cli.run_views import run_view
from trace_clustering.settings_sources import load_settings

TARGET = Path(__file__).parent / "demo.svg"
WIDTH = 112


async def main(data_dir: Path, team_id: int) -> None:
    recorder = Console(record=True, width=WIDTH, file=io.StringIO())
    async with api_client(load_settings({"data_dir": data_dir})) as api:
        (run,) = (await api.get(f"/api/v1/teams/{team_id}/runs", limit=1))["runs"]
        recorder.print(run_view(await api.get(run_path(run["run_id"]))))
    svg = recorder.export_svg(title=f"trace-clustering show {run['run_id']}")
    # Rich names a font of another host; the reader's own monospace font will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    TARGET.write_text(svg.replace("Fira Code, ", ""), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--team-id", type=int, default=103)
    options = parser.parse_args()
    asyncio.run(main(options.data_dir, options.team_id))
