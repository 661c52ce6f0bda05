"""All benchmarks, each in a process of its own: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    *("core", "growth", "job", "parts", "coordinator", "receiving"),
    *("pages", "map", "browsing"),
)

for name in BENCHMARKS:
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
