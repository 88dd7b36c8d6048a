"""Which parts of the page a frame has: what is read and what moves least is drawn less often."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

import pytest
from streamlit.testing.v1 import AppTest

from harness.servers import ROOT
from ui import stage
from ui.stage import Stage


def places(seconds: float, count: int, age: float = 0.0) -> list[set[str]]:
    """The places that so many frames draw, so many seconds apart, for a browser of that age."""
    found: list[set[str]] = []
    clock = [0.0]

    def live(self: Stage) -> None:
        self.session.begin()
        self._draw()
        self._flow.tells, self._flow.age = True, age
        self._flow.away = frozenset({"curves", "panel", "beside"})
        for part in self._parts:
            part.due = 0.0
            part.draw = lambda _, place=part.place: found[-1].add(place)
        with patch.object(stage, "time", SimpleNamespace(monotonic=lambda: clock[0])):
            for _ in range(count):
                clock[0] += seconds
                found.append(set())
                self._frame()

    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params["layers"] = "3"
    with patch.object(Stage, "live", live):
        at.run()
    assert not at.exception
    return found


PICTURES = {"network", "estimate", "gradients"}


@pytest.mark.usefixtures("pool")
def test_a_quick_browser_gets_all_pictures_each_time_and_words_now_and_then() -> None:
    frames = places(0.05, 100)
    assert all(frame >= PICTURES for frame in frames)
    # Every 0.35 s, which is every seventh frame.
    assert 12 <= sum("words" in frame for frame in frames) <= 15


@pytest.mark.usefixtures("pool")
def test_in_a_crowd_words_and_the_network_come_with_every_other_frame() -> None:
    frames = places(0.7, 20)
    for frame in frames:
        assert frame >= {"estimate", "gradients"}
        assert ("words" in frame) == ("network" in frame)
    assert sum("words" in frame for frame in frames) == 10


@pytest.mark.usefixtures("pool")
def test_a_slow_browser_gets_one_picture_at_a_time_and_each_of_them_in_turn() -> None:
    frames = places(0.2, 60, age=0.3)
    for frame in frames:
        assert "words" in frame or len(frame) == 1
    # No part waits for long, and figures come with the words that quote them.
    for place in PICTURES | {"words"}:
        assert sum(place in frame for frame in frames) >= 15
    assert all(frame >= {"network", "gradients"} for frame in frames if "words" in frame)
