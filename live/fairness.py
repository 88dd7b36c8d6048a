"""Who has had how much of the page's process, and what is left for whom.

One process draws for everybody, on one core. Who asks for more than a share of it (a large
network, a script run anew fifty times a second, a run that is caught up with) waits, and nobody
else does. A share is a reader's; but readers of one address have no more than a handful together
as long as others are there, because one stranger can open any number of pages.

What is counted is the processor time of a session's own thread. Training is counted where the
workers are asked for (``model/line.py``), by the same names.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from live.machine import MACHINE

#: The header in which the door says whose a connection is; nobody else can write it.
ADDRESS = "x-middle-layer-address"

# Shares that the readers of one address have together.
_HANDFUL = 4

# Of a core: what the readers' threads have; the rest is the server's, which sends what they draw.
_TO_GIVE = 0.8

# Seconds of a core that a session may be ahead, so that a click is never held up; and seconds that
# it waits at most, so that a picture slows down and does not stop.
_AHEAD = 0.5
_LONGEST = 4.0

# A session that has asked for nothing for so many seconds shares with nobody.
_ACTIVE = 3.0

# What a run of the script costs until it asks for its first turn.
_A_RUN = 0.04

# How often shares are worked out anew, in seconds.
_ANEW = 0.25

_FORGOTTEN = 3_600.0


@dataclass
class _Account:
    address: str
    debt: float = 0.0  # seconds of a core
    at: float = 0.0  # when that was so
    weight: float = 1.0


class Ledger:
    """The sessions of a process, and what each has had."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
        to_give: float = _TO_GIVE * min(1.0, MACHINE.processors),
    ) -> None:
        self._clock, self._spent, self._to_give = clock, spent, to_give
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._thread = threading.local()
        self._shares, self._shared_at = 1.0, float("-inf")

    def enter(self, session: str, address: str) -> float:
        """Note that a run of ``session``'s script begins; how many seconds it is to wait."""
        self._thread.spent = self._spent()
        with self._lock:
            account = self._account(session)
            account.address = address
            return self._charge(account, _A_RUN)

    def turn(self, session: str) -> float:
        """Charge what this thread has computed since it asked last; seconds it is to wait."""
        now = self._spent()
        seconds, self._thread.spent = now - getattr(self._thread, "spent", now), now
        with self._lock:
            return self._charge(self._account(session), seconds)

    def readers(self, session: str) -> float:
        """How many sessions with ``session``'s share there is room for: what it divides by."""
        with self._lock:
            account = self._account(session)
            self._share_out()
            return max(1.0, self._shares / account.weight)

    def whose(self, session: str) -> str:
        """The address of a session, or its name where none is known."""
        with self._lock:
            account = self._accounts.get(session)
        return (account and account.address) or session

    def idle(self, session: str) -> float:
        """For how many seconds a session has asked for nothing; 0 for one that is not known."""
        with self._lock:
            account = self._accounts.get(session)
            return self._clock() - account.at if account else 0.0

    def _account(self, session: str) -> _Account:
        if session not in self._accounts:
            self._accounts[session] = _Account("", at=self._clock())
        return self._accounts[session]

    def _charge(self, account: _Account, seconds: float) -> float:
        now = self._clock()
        self._share_out()
        share = self._to_give * account.weight / max(self._shares, account.weight)
        paid = max(0.0, account.debt - share * (now - account.at))
        # More than it can ever be made to wait for is not held against anybody.
        account.debt = min(paid + seconds, _AHEAD + 2 * _LONGEST * share)
        account.at = now
        return min(_LONGEST, max(0.0, account.debt - _AHEAD) / share)

    def _share_out(self) -> None:
        """Work out each session's weight, and the sum of them."""
        now = self._clock()
        if now - self._shared_at < _ANEW:
            return
        self._shared_at = now
        active = [each for each in self._accounts.values() if now - each.at < _ACTIVE]
        crowd = Counter(each.address for each in active)
        alone = len(crowd) == 1
        for each in active:
            together = bool(each.address) and not alone
            each.weight = min(1.0, _HANDFUL / crowd[each.address]) if together else 1.0
        self._shares = sum(each.weight for each in active) or 1.0
        if len(self._accounts) > 2 * len(active) + 1_000:
            gone = now - _FORGOTTEN
            self._accounts = {s: each for s, each in self._accounts.items() if each.at > gone}


ledger = Ledger()
