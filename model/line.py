"""Who waits for a worker, and who is next: whoever has had least of it of late.

First come, first served is no order where one can come sixty times: each brings a network that
takes seconds to compile, and everybody else waits for all of them. Here every asker has a name, and
a worker goes to the one whose jobs have taken the fewest seconds in the last half minute; between
equals, to the one who came first.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Thing = TypeVar("Thing")

# Seconds after which a third of what somebody has had still counts.
_FORGETS = 30.0

_MOST_NAMES = 2_000


def _here() -> bool:
    return True


def _unheard(_: int) -> None:
    pass


@dataclass(frozen=True)
class Asker:
    """For whom a job is done."""

    #: Whose share it is of; who has no name is one with all others who have none.
    name: str = ""
    #: Whether anybody still waits for the result.
    is_there: Callable[[], bool] = _here
    #: Told how many are before it, while it waits; the fewer, the more often.
    say: Callable[[int], None] = _unheard


@dataclass(eq=False)
class Ticket(Generic[Thing]):
    """A place in the line."""

    asker: Asker
    number: int
    thing: Thing | None = None
    called: threading.Event = field(default_factory=threading.Event)


class Line(Generic[Thing]):
    """Those who wait. The caller holds one lock around every call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: list[Ticket[Thing]] = []
        self._had: dict[str, tuple[float, float]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, asker: Asker) -> Ticket[Thing]:
        """A place at the end, for now."""
        self._number += 1
        ticket: Ticket[Thing] = Ticket(asker, self._number)
        self._waiting.append(ticket)
        return ticket

    def leave(self, ticket: Ticket[Thing]) -> None:
        """Give a place up."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)

    def hand(self, thing: Thing) -> bool:
        """Give ``thing`` to who is next; False when nobody waits."""
        if not self._waiting:
            return False
        ticket = min(self._waiting, key=self._order)
        self._waiting.remove(ticket)
        ticket.thing = thing
        ticket.called.set()
        return True

    def call_all(self) -> None:
        """Have everybody look what has become of what they wait for."""
        for ticket in self._waiting:
            ticket.called.set()

    def before(self, ticket: Ticket[Thing]) -> int:
        """How many come before the ticket's holder, as it is now."""
        mine = self._order(ticket)
        return sum(self._order(other) < mine for other in self._waiting)

    def charge(self, name: str, seconds: float) -> None:
        """Note that a job of ``name``'s took so long."""
        if len(self._had) >= _MOST_NAMES and name not in self._had:
            least = sorted(self._had, key=self._of_late)
            for gone in least[: _MOST_NAMES // 2]:
                del self._had[gone]
        self._had[name] = (self._of_late(name) + seconds, self._clock())

    def _of_late(self, name: str) -> float:
        had, at = self._had.get(name, (0.0, 0.0))
        return had * math.exp((at - self._clock()) / _FORGETS)

    def _order(self, ticket: Ticket[Thing]) -> tuple[float, int]:
        return self._of_late(ticket.asker.name), ticket.number
