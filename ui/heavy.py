"""Heavy jobs: one at a time in this process, each done once for everybody who asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

# More than this many jobs in the queue, and the next one is turned away.
_LONGEST_QUEUE = 16

# Results are kept for those who ask next; the oldest goes first.
_MOST_RESULTS = 64


class Busy(RuntimeError):
    """The queue is full."""


class Jobs:
    """A queue with one place at the front, and the results of what went through it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "heavy")
        self._lock = threading.Lock()
        self._results: dict[Hashable, Future[Any]] = {}

    def ask(self, key: Hashable, job: Callable[[], Any]) -> Future[Any]:
        """The result of ``job``, which is queued unless one of the same key has been.

        Raises
        ------
        Busy
            If the queue is full.
        """
        with self._lock:
            known = self._results.get(key)
            if known is not None and not (known.done() and known.exception()):
                return known
            if self.waiting >= _LONGEST_QUEUE:
                raise Busy(f"{self.waiting} jobs are waiting already; try again in a minute")
            self._results.pop(key, None)
            future = self._results[key] = self._thread.submit(job)
            for old in [k for k, f in self._results.items() if f.done()][:-_MOST_RESULTS]:
                del self._results[old]
            return future

    @property
    def waiting(self) -> int:
        """How many jobs are queued or at work."""
        return sum(not future.done() for future in self._results.values())

    def place(self, future: Future[Any]) -> int:
        """How many jobs stand before this one."""
        before = 0
        for other in list(self._results.values()):
            if other is future:
                return before
            before += not other.done()
        return 0


jobs = Jobs()
