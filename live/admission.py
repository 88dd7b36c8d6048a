"""A place for everyone, or a number to wait with.

A process holds only so many readers (memory above all). Who comes when it is full waits in line,
sees the own number, and is let in without a click. A place is free again when its reader has left,
or has done nothing for ten minutes while others wait: who comes back to such a page waits in line,
and finds the run where it stood.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import streamlit as st

from live import metrics
from live.fairness import ADDRESS, ledger
from live.private import is_there, reader_is_there, session_id
from live.settings import SETTINGS

# How often those in line look, in seconds. That many looks cost next to nothing.
_LOOK = 2.0

# Seconds without a picture or a click after which a seat is given up when somebody waits.
_IDLE = 600.0


class Lobby:
    """Who sits and who waits, of all sessions of a process."""

    def __init__(
        self,
        seats: int,
        is_there: Callable[[str], bool],
        idle: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        self._seats = seats
        self._is_there = is_there
        self._idle = idle
        self._lock = threading.Lock()
        self._seated: set[str] = set()
        self._line: dict[str, None] = {}  # in the order of arrival

    def ask(self, session: str) -> int:
        """0 when ``session`` has a seat, else its number in line; who asks keeps the place."""
        with self._lock:
            if session in self._seated:
                return 0
            self._line.setdefault(session)
            # Only now, when somebody needs to know, is it worth looking for those who have left.
            self._seated = {s for s in self._seated if self._is_there(s)}
            self._line = {s: None for s in self._line if self._is_there(s)}
            if len(self._seated) >= self._seats:
                self._seated = {s for s in self._seated if self._idle(s) < _IDLE}
            while self._line and len(self._seated) < self._seats:
                first = next(iter(self._line))
                del self._line[first]
                self._seated.add(first)
            metrics.in_lobby(len(self._line))
            return list(self._line).index(session) + 1 if session in self._line else 0


lobby = Lobby(SETTINGS.seats, is_there, ledger.idle)


def wait_for_a_seat() -> None:
    """Return when this reader has a seat; until then show the number. Ends a script left alone."""
    # Who has had more than a share waits here, while newer clicks take the place of older ones.
    time.sleep(ledger.enter(session_id(), st.context.headers.get(ADDRESS, "")))
    place = st.empty()
    while number := lobby.ask(session_id()):
        place.info(
            f"This server is busy: you are number {number:,} in line. "
            "The page opens by itself as soon as there is a place; no need to reload.",
            icon=":material/hourglass_top:",
        )
        time.sleep(_LOOK)
        if not reader_is_there():
            st.stop()
    place.empty()
