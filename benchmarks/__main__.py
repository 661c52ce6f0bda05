"""All benchmarks, each in a process of its own: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

for name in ("core", "growth", "job", "coordinator", "receiving"):
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
