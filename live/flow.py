"""Flow control: what is drawn never runs ahead of what the browser has shown.

A slow road and a slow browser both queue what they are sent. So each frame ends with its number
(live/progress.py), the page tells the server which number it has shown (serving/scripts/flow.js,
over the page's own websocket), and the next frame is drawn when the last but one has been shown.
The rate follows by itself. The page tells too which of its parts lie off the screen: they need not
be drawn until it rests. Where nobody tells (``app.py`` alone, a host that serves its own page), the
next frame is drawn when the last one has left the send queue.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from weakref import WeakValueDictionary

from live import metrics, private

# Frames on their way at most: one on the road while the browser draws the other.
AHEAD = 2

# How often a wait looks whether it is still wanted, in seconds; news ends it at once.
_LOOK = 0.02

# Seconds after which a browser that has told before counts as asleep: one more frame is tried, so
# that a number that got lost stops nothing. Frames that nobody has shown never become many.
_ASLEEP = 5.0
_MOST_UNSHOWN = 4

# What the last frame counts in their age.
_WEIGHT = 0.2


class Flow:
    """The frames of one session: how many have been drawn, and how many the browser has shown."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        #: What the page names this flow by; guessing it would only slow somebody's picture.
        self.name = secrets.token_urlsafe(9)
        #: Whether the browser tells what it has shown.
        self.tells = False
        #: Seconds from a frame's drawing until the page told that it was shown, lately.
        self.age = 0.0
        #: The parts of the page, by their keys, that the reader cannot see at the moment.
        self.away: frozenset[str] = frozenset()
        self._clock = clock
        self._drawn = 0
        self._shown = 0
        self._drawn_at: dict[int, float] = {}  # of those that have not been shown
        self._news = threading.Condition()
        _flows[self.name] = self

    @property
    def unshown(self) -> int:
        """How many frames have been drawn that the browser has not shown."""
        return self._drawn - self._shown

    def drew(self) -> int:
        """Count a frame that is drawn; its number."""
        self._drawn += 1
        if self.tells:
            self._drawn_at[self._drawn] = self._clock()
        return self._drawn

    def saw(self, number: int, away: Iterable[str] = ()) -> None:
        """Note that the browser has shown the frame ``number``, and so all before it."""
        with self._news:
            self.tells = True
            self.away = frozenset(away)
            self._shown = max(self._shown, min(number, self._drawn))
            self._news.notify_all()
        now = self._clock()
        for each in [n for n in list(self._drawn_at) if n <= self._shown]:
            age = now - self._drawn_at.pop(each)
            self.age += _WEIGHT * (age - self.age)
            metrics.shown(age)

    def wait(
        self,
        goes_on: Callable[[], bool],
        unsent: Callable[[], int] = lambda: private.unsent(private.session_id()),
    ) -> bool:
        """Wait until the next frame may be drawn; False when ``goes_on`` says no before that."""
        began = self._clock()
        while goes_on():
            if self._may_draw(self._clock() - began, unsent):
                return True
            with self._news:
                self._news.wait(_LOOK)
        return False

    def settle(self, goes_on: Callable[[], bool]) -> None:
        """Wait until the browser has shown all that is drawn, if it tells, and for some seconds."""
        until = self._clock() + _ASLEEP
        while self.tells and self.unshown and goes_on() and self._clock() < until:
            with self._news:
                self._news.wait(_LOOK)

    def _may_draw(self, waited: float, unsent: Callable[[], int]) -> bool:
        if not self.tells:
            return unsent() == 0
        asleep = waited > _ASLEEP and unsent() == 0 and self.unshown < _MOST_UNSHOWN
        return self.unshown < AHEAD or asleep


_TOLD = re.compile(
    r"shown (?P<name>\S{1,40}) (?P<number>[0-9]{1,9})(?P<away>(?: [a-z]{1,20}){0,8})"
)

_flows: WeakValueDictionary[str, Flow] = WeakValueDictionary()


def told(text: str) -> bool:
    """Take what a page tells; False when it is something else.

    ``shown NAME NUMBER``, and after that the parts that lie off the screen.
    """
    found = _TOLD.fullmatch(text)
    if found is None:
        return False
    flow = _flows.get(found["name"])
    if flow is not None:  # else its session has gone, here or with another server
        flow.saw(int(found["number"]), found["away"].split())
    return True
