"""Room for large runs: bounded for all, and nobody takes what the others would have had."""

from __future__ import annotations

import gc

from live.room import SMALL, Room

MIB = 2**20


class Thing:
    """Something that takes room for as long as it lives."""


def fill(room: Room, whose: str, size: int) -> list[Thing]:
    held: list[Thing] = []
    while room.take(thing := Thing(), size, whose):
        held.append(thing)
    return held


def test_a_stranger_ends_at_half_of_it_and_the_next_at_a_quarter() -> None:
    room = Room(64 * MIB)
    held = [fill(room, whose, 2 * MIB) for whose in ("one", "two", "three")]
    assert [2 * len(things) for things in held] == [32, 16, 8]
    assert room.free == 8 * MIB


def test_what_goes_makes_room_again() -> None:
    room = Room(64 * MIB)
    held = fill(room, "one", 4 * MIB)
    assert not room.take(Thing(), 4 * MIB, "one")
    held.clear()
    gc.collect()
    assert room.free == 64 * MIB
    assert fill(room, "two", 4 * MIB)


def test_the_same_thing_takes_its_room_once() -> None:
    room, thing = Room(64 * MIB), Thing()
    assert all(room.take(thing, 20 * MIB, "one") for _ in range(5))
    assert room.free == 44 * MIB


def test_what_the_page_is_about_always_has_room() -> None:
    room = Room(0)
    assert room.take(Thing(), SMALL, "one")
    assert not room.take(Thing(), SMALL + 1, "one")
