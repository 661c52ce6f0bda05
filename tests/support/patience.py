"""Time that passes only when someone waits, for whoever asks an endpoint again."""

from __future__ import annotations

import threading
from typing import Any

from trace_clustering.traces.endpoints import Patience


class Waits:
    """A clock that stands still but for the waits, which it remembers.

    Attributes:
        seconds: of each wait, in order.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._lock = threading.Lock()

    def patience(self, **changes: Any) -> Patience:
        """Patience by this clock; pauses are not drawn."""
        own: dict[str, Any] = {"clock": self._now, "sleep": self._sleep, "draw": lambda: 0.0}
        return Patience(**(own | changes))

    def _now(self) -> float:
        with self._lock:
            return sum(self.seconds)

    def _sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds.append(seconds)
