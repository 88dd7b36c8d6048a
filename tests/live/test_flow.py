"""What is drawn never runs ahead of what the browser has shown."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest
import streamlit as st

from live.flow import AHEAD, Flow, told
from live.progress import Progress


class Clock:
    """Seconds, which pass when somebody looks."""

    def __init__(self, tick: float) -> None:
        self.now, self._tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self._tick
        return self.now


def never() -> int:
    return 0


def looks(times: int) -> Callable[[], bool]:
    """True so many times, then False: who waits longer would wait for ever."""
    left = iter(range(times))
    return lambda: next(left, None) is not None


def told_once(flow: Flow) -> None:
    flow.saw(flow.drew())


def test_no_frame_is_drawn_while_two_are_not_shown() -> None:
    flow = Flow(Clock(0.0))
    told_once(flow)
    for _ in range(AHEAD):
        assert flow.wait(looks(1), never)
        flow.drew()
    assert not flow.wait(looks(3), never)
    flow.saw(2)
    assert flow.wait(looks(1), never)


def test_a_frame_that_is_shown_ends_the_wait_at_once() -> None:
    flow = Flow()
    told_once(flow)
    number = flow.drew()
    flow.drew()
    threading.Timer(0.05, flow.saw, [number]).start()
    assert flow.wait(looks(1_000), never)


def test_who_no_longer_wants_a_frame_is_told_so() -> None:
    flow = Flow(Clock(0.0))
    told_once(flow)
    for _ in range(AHEAD):
        flow.drew()
    assert not flow.wait(lambda: False, never)


def test_a_browser_that_has_fallen_asleep_gets_a_handful_and_no_more() -> None:
    flow = Flow(Clock(3.0))  # each look is three seconds later
    told_once(flow)
    drawn = 0
    while flow.wait(looks(10), never):
        flow.drew()
        drawn += 1
        assert drawn < 10
    assert drawn == flow.unshown == 4
    flow.saw(1 + drawn)
    assert flow.wait(looks(1), never)


def test_where_nobody_tells_the_send_queue_decides() -> None:
    flow = Flow(Clock(0.0))
    waiting = [3, 1, 0]
    assert flow.wait(looks(10), lambda: waiting.pop(0))
    assert waiting == []
    assert not flow.wait(looks(10), lambda: 1)


def test_a_frame_settles_once_all_is_shown_or_after_some_seconds() -> None:
    flow = Flow(Clock(0.0))
    told_once(flow)
    looked = looks(1_000)
    number = flow.drew()
    threading.Timer(0.05, flow.saw, [number]).start()
    flow.settle(looked)
    assert looked()  # shown before the thousandth look
    slow = Flow(Clock(1.0))
    told_once(slow)
    slow.drew()
    slow.settle(lambda: True)  # nobody shows it
    assert slow.unshown == 1


def test_nothing_settles_where_nobody_tells_or_wants_it() -> None:
    flow = Flow(Clock(0.0))
    flow.drew()
    flow.settle(lambda: True)
    told_once(flow)
    flow.drew()
    flow.settle(lambda: False)
    assert flow.unshown == 1


def test_a_page_can_tell_only_of_what_has_been_drawn() -> None:
    flow = Flow()
    flow.drew()
    assert told(f"shown {flow.name} 999999999")
    assert flow.unshown == 0
    flow.drew()
    assert told(f"shown {flow.name} 1")  # late, and old
    assert flow.unshown == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shown",
        "shown x",
        "hidden x 1",
        "shown x -1",
        "shown x ٣",
        "shown x 1e3",
        "shown x " * 9,
        "shown x 1 ",
        "shown x 1 Curves",
        "shown x 1" + " curves" * 9,
    ],
)
def test_any_other_text_is_not_taken(text: str) -> None:
    assert not told(text)


def test_what_lies_off_the_screen_is_known_until_the_page_tells_anew() -> None:
    flow = Flow()
    assert flow.away == set()
    assert told(f"shown {flow.name} 1 curves panel")
    assert flow.away == {"curves", "panel"}
    assert told(f"shown {flow.name} 2")
    assert flow.away == set()


def test_what_is_told_of_a_session_that_has_gone_is_taken_and_forgotten() -> None:
    name = Flow().name
    assert told(f"shown {name} 1")
    assert told("shown nobody 1")


def test_the_end_of_a_frame_is_drawn_for_as_long_as_anybody_trains() -> None:
    # Streamlit's elements stand inside one another: drawn each in the last, they once reached
    # Python's limit of recursion after a minute.
    progress = Progress(st.container(), Flow())
    for _ in range(2 * sys.getrecursionlimit()):
        progress.end_frame(0.5, "Step 1")
