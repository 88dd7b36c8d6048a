"""Shares of one core: who takes more waits, and nobody else does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from live.fairness import FairLock, Ledger


@dataclass
class House:
    """Sessions that compute as much as they are let, on a clock of their own."""

    now: float = 0.0
    thread: float = 0.0
    beside: float = 0.0  # what the process has spent beside the sessions' threads
    had: dict[str, float] = field(default_factory=dict)
    free: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clock, spent = (lambda: self.now), (lambda: self.thread)
        self.ledger = Ledger(clock, spent, lambda: self.thread + self.beside, 1.0)

    def enter(self, address: str, *sessions: str) -> None:
        for session in sessions:
            self.ledger.enter(session, address)
            self.had[session], self.free[session] = 0.0, self.now

    def pass_time(
        self,
        seconds: float,
        costs: dict[str, float],
        every: float = 0.05,
        beside: Callable[[float], float] = lambda _: 0.0,
    ) -> None:
        """``beside``: what the process spends around a turn of so many seconds."""
        end = self.now + seconds
        while self.now < end:
            for session, cost in costs.items():
                if self.free[session] > self.now + 1e-6:
                    continue
                # Its thread computes; all threads share one counter here, set back for each.
                self.ledger._thread.spent = self.thread
                self.thread += cost
                self.beside += beside(cost)
                self.free[session] = self.now + max(every, self.ledger.turn(session))
                self.had[session] += cost
            self.now += 0.01


def test_who_stays_within_a_share_never_waits() -> None:
    house = House()
    house.enter("a", "one", "two")
    house.pass_time(20, {"one": 0.003, "two": 0.003})
    # Twenty frames a second each.
    assert min(house.had.values()) > 0.9 * 20 * 20 * 0.003


def besieged(
    cost: float, beside: Callable[[float], float] = lambda _: 0.0
) -> tuple[list[float], float]:
    """Turns a second of ten readers, each, and of sixty strangers of one address together."""
    house = House()
    readers = [f"reader {n}" for n in range(10)]
    for n, reader in enumerate(readers):
        house.enter(f"address {n}", reader)
    crowd = [f"stranger {n}" for n in range(60)]
    house.enter("one address", *crowd)
    costs = dict.fromkeys(readers, 0.003) | dict.fromkeys(crowd, cost)
    house.pass_time(10, costs, beside=beside)
    before = dict(house.had)
    house.pass_time(20, costs, beside=beside)
    turns = {name: (had - before[name]) / costs[name] / 20 for name, had in house.had.items()}
    return [turns[reader] for reader in readers], sum(turns[each] for each in crowd)


def test_sixty_of_one_address_leave_the_others_their_pictures() -> None:
    readers, crowd = besieged(0.02)
    assert min(readers) > 18
    assert crowd * 0.02 < 0.4


@pytest.mark.parametrize("cost", [0.02, 0.0002], ids=["large pictures", "turns without any"])
def test_what_the_process_spends_around_them_is_theirs(cost: float) -> None:
    def around(seconds: float) -> float:
        return 0.002 + 0.5 * seconds

    _, crowd = besieged(cost, around)
    assert 0.1 < crowd * (cost + around(cost)) < 0.4


def test_what_a_thread_has_computed_counts_before_its_turn_ends() -> None:
    house = House()
    house.enter("stranger", *[f"page {n}" for n in range(60)])
    house.enter("reader", "one")
    house.ledger.enter("page 0", "stranger")
    before = house.ledger.burden()
    house.thread += 5.0  # a page is laid out
    assert house.ledger.burden() == before
    house.ledger.note()
    assert house.ledger.burden() > before + 3


def test_one_address_alone_has_all_there_is() -> None:
    house = House()
    school = [f"pupil {n}" for n in range(30)]
    house.enter("school", *school)
    costs = dict.fromkeys(school, 0.01)
    house.pass_time(10, costs)
    before = sum(house.had.values())
    house.pass_time(20, costs)
    assert 0.9 < (sum(house.had.values()) - before) / 20 < 1.1


def test_a_script_run_over_and_over_is_paid_for() -> None:
    house = House()
    house.enter("a", "one")
    house.enter("b", "other")
    waits = []
    for _ in range(100):
        house.now += 0.02
        house.ledger.turn("other")
        waits.append(house.ledger.enter("one", "a"))
    assert waits[0] == 0
    assert waits[-1] > 1


def test_what_was_taken_is_forgotten_in_time() -> None:
    house = House()
    house.enter("a", "one")
    for _ in range(100):
        house.ledger.enter("one", "a")
    house.now += 60
    assert house.ledger.enter("one", "a") == 0


def test_who_has_been_idle_is_known() -> None:
    house = House()
    house.enter("a", "one")
    house.now += 700
    assert house.ledger.idle("one") == 700
    assert house.ledger.idle("nobody") == 0
    assert house.ledger.whose("one") == "a"
    assert house.ledger.whose("nobody") == "nobody"


def queue(lock: FairLock, burden: threading.local, clock: list[float]) -> list[str]:
    """Who gets the lock after whom: comers with a burden each, of whom one comes a second."""
    order: list[str] = []

    def draw(name: str, own: float) -> None:
        burden.own = own
        with lock:
            order.append(name)

    burden.own = 0.0
    threads: list[threading.Thread] = []
    comers = [("heavy", 0.35), ("a", 0.0), ("greedy", 1e9), ("light", 0.04)]
    comers += [(f"{second}", 0.0) for second in range(30)]
    with lock:
        for comer in comers:
            threads.append(threading.Thread(target=draw, args=comer))
            threads[-1].start()
            while len(lock._waiting) < len(threads):
                time.sleep(0.001)
            clock[0] += 1.0
    for thread in threads:
        thread.join()
    assert not lock.locked()
    return order


def test_who_has_had_much_comes_later_and_not_never() -> None:
    burden, clock = threading.local(), [0.0]
    order = queue(FairLock(lambda: float(burden.own), clock=lambda: clock[0]), burden, clock)
    assert order[:3] == ["a", "light", "heavy"]  # at 1 s, at 3 + 0.4 s, and at 0 + 3.5 s
    comers = [name for name in order if name.isdigit()]
    assert comers == sorted(comers, key=int)
    assert order.index("17") < order.index("greedy") < order.index("19")


def test_who_comes_early_is_before_those_who_came_so_long_ago() -> None:
    lock = FairLock(clock=lambda: 0.0)
    order: list[str] = []

    def draw(name: str, early: float) -> None:
        with lock.early(early):
            order.append(name)

    threads = [
        threading.Thread(target=draw, args=(name, early))
        for name, early in (("picture", 0.0), ("click", 2.0), ("other", 0.0))
    ]
    with lock:
        for count, thread in enumerate(threads, start=1):
            thread.start()
            while len(lock._waiting) < count:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == ["click", "picture", "other"]
    assert not lock.locked()


def test_pages_just_opened_count_as_their_address_does() -> None:
    house = House()
    house.enter("reader", "one")
    for _ in range(5):
        house.ledger.enter("one", "reader")
    long_here = house.ledger.burden()
    house.enter("stranger", *[f"page {n}" for n in range(60)])
    assert house.ledger.burden() > long_here
    # Who has just opened a page is behind nobody, and before nobody: a page costs many pictures.
    house.enter("newcomer", "new")
    assert house.ledger.burden() == long_here == 0


def test_sixty_pages_opened_at_once_wait_for_each_other_and_for_nobody_else() -> None:
    house = House()
    house.enter("reader", "one")
    house.now += 0.3
    waits = [house.ledger.enter(f"page {n}", "stranger") for n in range(100)]
    assert waits[0] == 0
    assert waits[-1] > 1
    assert house.ledger.enter("new", "newcomer") == 0
