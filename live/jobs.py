"""Heavy jobs: one at a time, each done once for everybody who asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Busy(RuntimeError):
    """The queue is full."""


class Jobs:
    """A queue with one place at the front, and the results of what went through it."""

    def __init__(self, longest_queue: int = 16, most_results: int = 64) -> None:
        self._longest_queue = longest_queue
        self._most_results = most_results
        self._thread = ThreadPoolExecutor(1, "heavy")
        self._lock = threading.Lock()
        self._futures: dict[Hashable, Future[object]] = {}  # those asked for last come last

    def ask(self, key: Hashable, job: Callable[[], Result]) -> Future[Result]:
        """The result of ``job``, which is queued unless one of the same key has been.

        A job that failed is tried again when it is asked for again.

        Raises
        ------
        Busy
            If the queue is full.
        """
        with self._lock:
            future = self._futures.pop(key, None)
            if future is None or (future.done() and future.exception() is not None):
                if self.waiting >= self._longest_queue:
                    raise Busy(f"{self.waiting} jobs are waiting already; try again in a minute")
                future = self._thread.submit(job)
            self._futures[key] = future
            for old in [k for k, f in self._futures.items() if f.done()][: -self._most_results]:
                del self._futures[old]
            return future  # type: ignore[return-value]  # what the key names is of one type

    @property
    def waiting(self) -> int:
        """How many jobs are queued or at work."""
        return sum(not future.done() for future in self._futures.values())

    def place(self, future: Future[Result]) -> int:
        """How many jobs stand before this one."""
        before = 0
        for other in list(self._futures.values()):
            if other is future:
                return before
            before += not other.done()
        return 0


# Those of the page: the atlas, the halves of the cure, downloads.
jobs = Jobs()
