"""Who has had how much of the page's process, and what is left for whom.

One process draws for everybody, on one core. Who asks for more than a share of it (a large
network, a script run anew fifty times a second, a run that is caught up with) waits, and nobody
else does. A share is a reader's; but readers of one address have no more than a handful together
as long as others are there, because one stranger can open any number of pages.

What is counted is the processor time of a session's own thread, and with it as much more as the
process spends beside such threads: what is drawn is packed and sent, and a turn that computes
nothing is woken and answered all the same. Training is counted where the workers are asked for
(``model/line.py``), by the same names. Where the machine gives less than it shows, nobody exceeds a
share of what it shows; so for the lock under which all draw (``FairLock``) whoever has had much of
late comes after the others.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from live.machine import MACHINE

#: The header in which the door says whose a connection is; nobody else can write it.
ADDRESS = "x-middle-layer-address"

# Shares that the readers of one address have together.
_HANDFUL = 3

# Of a core: what the readers have together. The rest is for those who knock.
_TO_GIVE = 0.95

# What the process spends beside the readers' threads counts for them: by so much of their own time
# at most (more of it, and clicks wait), and by so many seconds a turn. And what a new look counts.
_MOST_BESIDE, _MOST_A_TURN, _LOOK = 0.2, 0.005, 0.2

# Seconds of a core that a session may be ahead, so that a click is never held up; and seconds that
# it waits at most, for a picture (which slows down and does not stop; of a crowd of one address
# each waits for the others) and for a page.
_AHEAD = 0.5
_LONGEST, _LONGEST_FOR_A_PAGE = 4.0, 20.0

# A session that has asked for nothing for so many seconds shares with nobody.
_ACTIVE = 3.0

# What a run of the script costs at least.
_A_RUN = 0.05

# How often shares are worked out anew, in seconds.
_ANEW = 0.25

_FORGOTTEN = 3_600.0

# Seconds after which a third of what a session has had still counts where two want the same; and
# how many seconds later it comes for each second that it has had.
_LATE, _LATER = 10.0, 10.0


@dataclass
class _Account:
    address: str
    debt: float = 0.0  # seconds of a core
    at: float = 0.0  # when that was so
    weight: float = 1.0
    had: float = 0.0  # seconds of a core, of late


class Ledger:
    """The sessions of a process, and what each has had."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
        process: Callable[[], float] = time.process_time,
        to_give: float = _TO_GIVE * min(1.0, MACHINE.processors),
    ) -> None:
        self._clock, self._spent, self._process = clock, spent, process
        self._to_give = to_give
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._houses: dict[str, _Account] = {}  # by address
        self._thread = threading.local()
        self._shares, self._shared_at, self._alone = 1.0, float("-inf"), True
        self._beside = 0.0  # seconds of the process beside one of a reader's thread
        self._a_turn = 0.0  # seconds of the process beside those threads, a turn
        self._turns, self._threads, self._processed = 0, 0.0, process()  # since the last look

    def enter(self, session: str, address: str) -> float:
        """Note that a run of ``session``'s script begins; how many seconds it is to wait."""
        self._thread.spent = self._spent()
        self._thread.session = session
        with self._lock:
            account = self._account(session)
            account.address = address
            return min(_LONGEST_FOR_A_PAGE, self._charge(account, _A_RUN))

    def turn(self, session: str) -> float:
        """Charge this thread for a turn and what it has computed; seconds it is to wait."""
        with self._lock:
            account = self._account(session)
            seconds = self._computed()
            self._turns += 1
            least = max(0.0, self._a_turn - self._thread.since)
            self._thread.since = 0.0
            wait = self._charge(account, seconds + least)
            return min(wait, _LONGEST / account.weight, _LONGEST_FOR_A_PAGE)

    def note(self) -> None:
        """Charge what this thread has computed, before others ask who has had how much."""
        with self._lock:
            seconds = self._computed()
            account = self._accounts.get(getattr(self._thread, "session", ""))
            if account is not None:
                self._charge(account, seconds)

    def _computed(self) -> float:
        """What this thread has computed since it was asked last, in seconds to be charged."""
        now = self._spent()
        seconds, self._thread.spent = now - getattr(self._thread, "spent", now), now
        self._threads += seconds
        charged = seconds * (1 + self._beside)
        self._thread.since = getattr(self._thread, "since", 0.0) + charged
        return charged

    def burden(self) -> float:
        """What the session of this thread has had of late, and all of its address, over a click.

        A page that is opened costs what a picture does many times over: whoever has had no more
        than that is before nobody and behind nobody.
        """
        session = getattr(self._thread, "session", "")
        with self._lock:
            account = self._accounts.get(session)
            if account is None:
                return 0.0
            house = self._houses.get(account.address)
            own = max(0.0, self._of_late(account) - _AHEAD)
            # Sixty pages that have only just been opened are one stranger's all the same.
            return own + (max(0.0, self._of_late(house) / _HANDFUL - _AHEAD) if house else 0.0)

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
        self._share_out()
        wait = self._debit(account, seconds, _AHEAD)
        if not account.address:
            return wait
        house = self._houses.setdefault(account.address, _Account("", at=self._clock()))
        together = self._debit(house, seconds, _HANDFUL * _AHEAD)
        return wait if self._alone else max(wait, together)

    def _of_late(self, account: _Account) -> float:
        return account.had * math.exp((account.at - self._clock()) / _LATE)

    def _debit(self, account: _Account, seconds: float, ahead: float) -> float:
        """Add to what an account has had; seconds until it has no more than its share."""
        now = self._clock()
        share = self._to_give * account.weight / max(self._shares, account.weight)
        paid = max(0.0, account.debt - share * (now - account.at))
        # More than it can ever be made to wait for is not held against anybody.
        account.debt = min(paid + seconds, ahead + 2 * _LONGEST_FOR_A_PAGE * share)
        account.had = self._of_late(account) + seconds
        account.at = now
        return max(0.0, account.debt - ahead) / share

    def _share_out(self) -> None:
        """Work out each session's weight, and the sum of them."""
        now = self._clock()
        if now - self._shared_at < _ANEW:
            return
        self._shared_at = now
        self._look_around()
        active = [each for each in self._accounts.values() if now - each.at < _ACTIVE]
        crowd = Counter(each.address for each in active)
        self._alone = len(crowd) <= 1
        for each in active:
            together = bool(each.address) and not self._alone
            each.weight = min(1.0, _HANDFUL / crowd[each.address]) if together else 1.0
        self._shares = sum(each.weight for each in active) or 1.0
        for address, count in crowd.items():
            if address in self._houses:
                self._houses[address].weight = min(_HANDFUL, count)
        if len(self._accounts) > 2 * len(active) + 1_000:
            gone = now - _FORGOTTEN
            for accounts in (self._accounts, self._houses):
                for name in [name for name, each in accounts.items() if each.at < gone]:
                    del accounts[name]

    def _look_around(self) -> None:
        """Work out what the process has spent of late beside the readers' threads."""
        processed = self._process()
        beside = processed - self._processed - self._threads
        if self._turns and self._threads:
            share = min(max(0.0, beside / self._threads), _MOST_BESIDE)
            a_turn = min(max(0.0, beside / self._turns), _MOST_A_TURN)
            self._beside += _LOOK * (share - self._beside)
            self._a_turn += _LOOK * (a_turn - self._a_turn)
        self._turns, self._threads, self._processed = 0, 0.0, processed


def _nothing() -> None:
    pass


class FairLock:
    """A lock that goes to whoever came first; what one has had of late counts as coming later."""

    def __init__(
        self,
        burden: Callable[[], float] = lambda: 0.0,
        note: Callable[[], None] = _nothing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burden, self._note = burden, note
        self._clock = clock
        self._guard = threading.Lock()
        self._held = False
        self._waiting: list[tuple[float, int, threading.Lock]] = []
        self._number = 0

    def __enter__(self) -> None:
        self._take(0.0)

    def __exit__(self, *_: object) -> None:
        self._note()
        with self._guard:
            if self._waiting:
                heapq.heappop(self._waiting)[2].release()  # still held, by the one called
            else:
                self._held = False

    @contextmanager
    def early(self, seconds: float) -> Iterator[None]:
        """Hold it as one who came so many seconds ago."""
        self._take(seconds)
        try:
            yield
        finally:
            self.__exit__()

    def _take(self, early: float) -> None:
        # So much later, and no more: whoever waits gets it in the end, however many others come.
        later = min(_LATER * self._burden(), _LONGEST_FOR_A_PAGE)
        with self._guard:
            if not self._held:
                self._held = True
                return
            self._number += 1
            called = threading.Lock()  # an event takes three times as long
            called.acquire()
            heapq.heappush(self._waiting, (self._clock() - early + later, self._number, called))
        called.acquire()

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self._held


ledger = Ledger()
