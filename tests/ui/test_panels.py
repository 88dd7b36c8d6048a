"""The atlas is trained for as long as somebody looks on."""

from __future__ import annotations

import time
from collections.abc import Callable

from ui.panels import AtlasRoom

PATIENCE = 240.0


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_atlas_whose_reader_closed_the_page_stops_and_goes_on_for_the_next_one() -> None:
    there = {"stays"}
    room = AtlasRoom(there.__contains__)
    room.watch("went")
    assert room.is_watched_by("went")
    wait_until(lambda: not room.running)
    assert room.error is None
    assert room.atlas is not None
    assert not room.atlas.complete
    row, step = room.atlas.row, room.atlas.step
    room.watch("stays")
    wait_until(lambda: room.atlas is not None and (room.atlas.row, room.atlas.step) > (row, step))
    room.leave("stays")
    wait_until(lambda: not room.running)
    assert not room.atlas.complete
