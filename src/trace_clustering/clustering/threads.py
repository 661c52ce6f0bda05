"""Spreads blocks of rows over a few threads so that no result depends on their number.

A BLAS or OpenMP library that splits one product over threads adds in an order that depends on how
many there are. Here every block is computed by one thread with one BLAS thread, blocks are cut the
same way on every machine, and partial results are combined in the order of the blocks.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from itertools import chain, islice
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import OpenBLASController, ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Labels = NDArray[np.int32]

# 512 x 512 float32 distances are 1 MiB and stay in a core's cache.
BLOCK_ROWS = 512
_MAX_WORKERS = 8
_FEW_COLUMNS = 512
_LOOK_UP_SECONDS = 0.1


@cache
def _libraries(user_api: str) -> ThreadpoolController:
    """The loaded libraries of a kind; looking for them takes milliseconds, so only once."""
    return ThreadpoolController().select(user_api=user_api)


class _SingleBlasThread:
    """Holds BLAS at one thread while anybody needs it.

    The limit is a global of the process. If every caller saved and restored it alone, two callers
    that overlap would restore it under each other's feet, so the first sets and the last restores.
    These may be two threads, and threadpoolctl heeds only the thread that set a limit first until
    that thread gives it up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._restore: Callable[[], None] = _nothing

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if self._holders == 0:
                OpenBLASController.clear_controlling_thread(force=True)
                self._restore = _libraries("blas").limit(limits=1).restore_original_limits
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if self._holders == 0:
                    OpenBLASController.clear_controlling_thread(force=True)
                    self._restore()
                    OpenBLASController.clear_controlling_thread(force=True)


def _nothing() -> None:
    """Nothing is limited, so there is nothing to restore."""


_single_blas_thread = _SingleBlasThread()


def single_openmp_thread() -> AbstractContextManager[object]:
    """Limits OpenMP to one thread; OpenMP keeps that number for each calling thread apart."""
    limit: AbstractContextManager[object] = _libraries("openmp").limit(limits=1)
    return limit


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Turns:
    """Lets as many threads compute at a time as there are cores.

    More would spend their time on taking the interpreter's lock from each other.
    """

    def __init__(self, at_once: int) -> None:
        self._changed = threading.Condition()
        self._free = at_once
        self._has = threading.local()

    @property
    def all_taken(self) -> bool:
        return self._free == 0

    @contextmanager
    def taken(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Wait for a turn, calling ``waiting`` meanwhile; not where the thread has one already."""
        if getattr(self._has, "turn", False):
            yield
            return
        while not self._take():
            waiting()
        self._has.turn = True
        try:
            yield
        finally:
            self._has.turn = False
            with self._changed:
                self._free += 1
                self._changed.notify()

    def _take(self) -> bool:
        with self._changed:
            is_free = self._changed.wait_for(lambda: self._free > 0, _LOOK_UP_SECONDS)
            self._free -= is_free
            return is_free


_turns = _Turns(_usable_cores())


class Workers:
    """A pool of threads for the length of one computation; BLAS keeps to one thread meanwhile.

    Computations of one process beyond one for each core wait until others are done.

    Args:
        on_progress: called in the caller's thread each time a block is done, and while the
            computation waits. What it raises ends the computation.
    """

    def __init__(self, on_progress: Callable[[], None] | None = None) -> None:
        self._count = min(_usable_cores(), _MAX_WORKERS)
        self._on_progress = on_progress
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(_turns.taken(self.progress))
        self._open.enter_context(_single_blas_thread.held())
        self._pool = self._open.enter_context(ThreadPoolExecutor(self._count))
        self._aside = ThreadPoolExecutor(1)
        # What was begun early and is not needed any more must not delay an exception.
        self._open.callback(self._aside.shutdown, cancel_futures=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def submit_aside(self, task: Callable[[Item], Result], item: Item) -> Future[Result]:
        """Begins ``task(item)`` in one more thread, after everything submitted to it before.

        For the time in which the caller's thread alone is busy.
        """
        return self._aside.submit(task, item)

    def map(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yields ``task(item)`` in the order of the items, a few of them under way at a time.

        A single one, or all where others compute on the other cores, in the caller's thread.
        """
        rest = iter(items)
        first = list(islice(rest, 2))
        if len(first) == 1 or _turns.all_taken:
            for item in chain(first, rest):
                yield task(item)
                self.progress()
            return
        waiting: deque[Future[Result]] = deque()
        for item in chain(first, rest):
            waiting.append(self._pool.submit(task, item))
            if len(waiting) > 2 * self._count:
                yield self._next(waiting)
        while waiting:
            yield self._next(waiting)

    def map_rows(
        self, task: Callable[[slice], Result], rows: NDArray[np.floating]
    ) -> Iterator[Result]:
        """Yields ``task(slice)`` over blocks of the rows of (n, d), in their order."""
        blocks = row_blocks(len(rows), BLOCK_ROWS)
        if rows.shape[1] < _FEW_COLUMNS:
            # Operations this short would spend more time on passing the interpreter's lock around.
            for block in blocks:
                yield task(block)
                self.progress()
        else:
            yield from self.map(task, blocks)

    def progress(self) -> None:
        """Tells the caller that the computation goes on."""
        if self._on_progress is not None:
            self._on_progress()

    def _next(self, waiting: deque[Future[Result]]) -> Result:
        result = waiting.popleft().result()
        self.progress()
        return result


def bounded_groups(
    items: Iterable[Item], size: Callable[[Item], int], most: int
) -> Iterator[list[Item]]:
    """Groups items, in their order, whose sizes add up to ``most`` or less; larger ones alone."""
    group: list[Item] = []
    total = 0
    for item in items:
        total += size(item)
        if group and total > most:
            yield group
            group, total = [], size(item)
        group.append(item)
    if group:
        yield group


def row_blocks(rows: int, size: int) -> list[slice]:
    """Cuts ``rows`` rows into slices of ``size`` rows, the last one shorter."""
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
