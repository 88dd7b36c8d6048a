"""Room for what large runs remember, so that one stranger cannot fill a server with them.

What a run remembers is bounded (``model/history.py``), and small for the networks that the page is
about: those are bounded by the seats. A network of sixty-four units takes ten times as much; all of
these together have so much and no more, and nobody gets what would leave less for the others than
the own address has: a stranger ends at half of it, the next at a quarter.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter

from live.settings import SETTINGS

# Bytes that anybody may have.
SMALL = 2**20

# Of the memory there is, and in bytes at most.
_SHARE, _MOST = 1 / 8, 256 * 2**20


class Room:
    """So many bytes, and who holds them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: Counter[str] = Counter()
        self._things: weakref.WeakSet[object] = weakref.WeakSet()
        # Again and again by the same thread: what goes can go at any moment.
        self._lock = threading.RLock()

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self._size - self._held.total()

    def take(self, thing: object, size: int, whose: str) -> bool:
        """Whether there is room for ``thing`` of so many bytes; held for as long as it lives."""
        with self._lock:
            if size <= SMALL or thing in self._things:
                return True
            if self._held[whose] + size > self.free:
                return False
            self._held[whose] += size
            self._things.add(thing)
        weakref.finalize(thing, self._give_back, size, whose)
        return True

    def _give_back(self, size: int, whose: str) -> None:
        with self._lock:
            self._held[whose] -= size


room = Room(int(min(_SHARE * SETTINGS.memory * 2**20, _MOST)))
