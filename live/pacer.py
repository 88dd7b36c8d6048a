"""Whose turn it is to draw.

One process draws every reader's pictures. Each frame asks for the next free slot; slots lie as far
apart as a frame costs, so that never more is promised than the process can draw. First come, first
served: alone, a reader gets twenty pictures a second, and in a crowd everybody gets as many as
everybody else. (Without it a hundred threads that can run starve the event loop, and nobody gets
any: measured.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from live.fairness import FairLock, Ledger, ledger

# Nobody gets more pictures a second than this: more is not seen, and the browser has to draw them.
MOST_FRAMES = 20

# Bounds on what a frame can be found to cost, in seconds of this process' CPU.
_CHEAPEST, _DEAREST = 0.002, 0.02
_FIRST_GUESS = 0.0035

# A frame may not be held up by more than this: the picture slows down, it does not stop.
_LONGEST = 1.0

# So many seconds a click is ahead of the pictures that wait with it.
_HEAD_START = 2.0

# Slots are a little further apart than a frame costs, to leave room for clicks and new readers.
_ROOM = 1.05

# How many seconds of drawing an estimate of the cost rests on.
_WINDOW = 1.0


@dataclass(frozen=True)
class Turn:
    """A slot: when it is, and what the frame may spend on training."""

    at: float  # seconds, on the pacer's clock
    training: float  # seconds of one worker
    due: float = 0.0  # when it was to be; what it is late by, the next one makes up for


class Pacer:
    """Hands out slots to all sessions of a process."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
        sleep: Callable[[float], None] = time.sleep,
        ledger: Ledger | None = None,
    ) -> None:
        self._clock, self._cpu, self._sleep = clock, cpu, sleep
        #: Held by whoever draws, and never while waiting for anything. Python draws one at a time
        #: in any case; threads that compete for it take a third of a crowded server's time, and
        #: when everybody clicks at once, all of the event loop's (measured).
        self.drawing = FairLock(ledger.burden, ledger.note) if ledger is not None else FairLock()
        self._ledger = ledger
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._cost = _FIRST_GUESS
        self._seen: dict[str, float] = {}  # when each session last asked
        self._window = (clock(), cpu(), 0)

    @property
    def answering(self) -> AbstractContextManager[None]:
        """The same for the answer to a click: all that was to be drawn before may be later."""
        return self.drawing.early(_HEAD_START)

    @property
    def spacing(self) -> float:
        """Seconds between two slots."""
        return self._cost * _ROOM

    def wait(self, session: str, last: Turn | None = None, workers: int = 1) -> Turn:
        """Sleep until this session's next slot.

        ``last`` is the session's previous one; ``workers`` is how many processes train at once.
        """
        # Who has had more than a share of late waits before asking for a slot.
        if self._ledger is not None:
            self._sleep(self._ledger.turn(session))
        with self._lock:
            now = self._clock()
            self._count(session, now)
            earliest = last.due + 1 / MOST_FRAMES if last else now
            slot = max(now, self._free_at, earliest)
            slot = min(slot, max(now, last.at + _LONGEST)) if last else now
            # A slot in the future, for a reader who is early, does not hold up the others; and
            # nobody waits for longer than so, whatever has been promised when frames were dearer.
            self._free_at = min(max(now, self._free_at) + self.spacing, now + _LONGEST)
            crowd = len(self._seen)
            interval = max(1 / MOST_FRAMES, crowd * self.spacing)
            share = crowd if self._ledger is None else self._ledger.readers(session)
        self._sleep(max(0.0, slot - now))
        # Four fifths: the rest is what handing over costs.
        training = 0.8 * interval * workers / max(share, workers)
        return Turn(slot, training, max(earliest, slot - 1 / MOST_FRAMES))

    def _count(self, session: str, now: float) -> None:
        """Note who is drawing, and what a frame has cost of late."""
        self._seen[session] = now
        began, cpu, frames = self._window
        self._window = (began, cpu, frames + 1)
        if now - began >= _WINDOW:
            measured = (self._cpu() - cpu) / (frames + 1)
            self._cost = min(max((self._cost + measured) / 2, _CHEAPEST), _DEAREST)
            self._window = (now, self._cpu(), 0)
            gone = now - 2 * _LONGEST
            self._seen = {s: at for s, at in self._seen.items() if at > gone}


pacer = Pacer(ledger=ledger)
