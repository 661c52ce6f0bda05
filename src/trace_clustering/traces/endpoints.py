"""What asking a model over HTTP needs, whichever it is: where to ask, and when to ask again."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from trace_clustering.addresses import is_loopback

MAX_MESSAGE_CHARS = 200
"""Of what an endpoint says of an error, only so much is passed on."""


def api_base(url: str) -> str:
    """Where an OpenAI-compatible API begins: ``url``, with ``/v1`` where it has no path."""
    bare = url.rstrip("/")
    return bare if urlsplit(bare).path else f"{bare}/v1"


def place(url: str) -> str:
    """Host, and port where one is given."""
    return urlsplit(url).netloc.rpartition("@")[2]


def uses_proxies(url: str) -> bool:
    """Whether the environment's proxies count: not on the way to this machine."""
    return not is_loopback(urlsplit(url).hostname or "")


def message(text: str, secret: str | None = None) -> str:
    """What an endpoint said, as one short line without the key that it may have repeated."""
    if secret:
        text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_MESSAGE_CHARS else f"{line[: MAX_MESSAGE_CHARS - 1]}…"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that an answer asks to wait, given as such or as a date; None if it does not.

    Args:
        headers: with names in any case, or in small letters if it is a plain mapping.
        now: aware.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None else _until(value, now)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(value: str | None, now: datetime) -> float | None:
    try:
        then = parsedate_to_datetime(value or "")
    except (ValueError, IndexError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())


@dataclass(frozen=True)
class Patience:
    """How often an endpoint is asked again, and for how long it is waited.

    Attributes:
        budget_seconds: no try begins later than that after the first one.
        tries: at most, the first one included.
        first_seconds: the pause after the first try; it doubles with each.
        longest_seconds: the longest pause, unless the endpoint asks for more.
        clock: seconds since some moment.
        sleep: waits for so many seconds.
        draw: a number from 0 to 1, so that many clients do not come back at once.
    """

    budget_seconds: float = 120.0
    tries: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 20.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random

    def wait(self, tries: int, since: float, asked: float | None = None) -> bool:
        """Wait for the next try, or say at once that there should be none.

        Args:
            tries: how many there were.
            since: the clock at the first of them.
            asked: seconds that the endpoint asks to wait.
        """
        pause = self.pause(tries, asked)
        if tries >= self.tries or self.clock() - since + pause > self.budget_seconds:
            return False
        self.sleep(pause)
        return True

    def pause(self, tries: int, asked: float | None = None) -> float:
        """Seconds after the so many-th try: what was asked for and a little more, or its own."""
        if asked is not None:
            return asked + self.first_seconds * self.draw()
        longest = min(self.longest_seconds, self.first_seconds * 2.0 ** min(tries - 1, 30))
        return longest * (1 + self.draw()) / 2


def utc_now() -> datetime:
    """The time that dates in answers are compared with."""
    return datetime.now(UTC)
