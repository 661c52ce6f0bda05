"""Bounded fan-out inside a workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


async def in_lanes(
    items: Iterable[Item], lanes: int, work: Callable[[Item], Awaitable[None]]
) -> None:
    """Work on all items in their order, at most ``lanes`` of them at once."""
    waiting = iter(items)
    await asyncio.gather(*(_lane(waiting, work) for _ in range(lanes)))


async def _lane(waiting: Iterator[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    for item in waiting:
        await work(item)
