"""The pacer: never more promised than can be drawn, everybody alike, nobody stopped."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from live.pacer import MOST_FRAMES, Pacer, Turn


@dataclass
class World:
    """Readers who each draw frame after frame, on a clock of their own; nothing really waits."""

    readers: int
    cost: float = 0.0035  # seconds of CPU that a frame takes
    workers: int = 1
    now: float = 100.0
    spent: float = 0.0
    hiccup: Callable[[int], float] = lambda _: 0.0  # seconds that a reader's nth frame comes late
    slots: dict[str, list[float]] = field(default_factory=dict)
    training: float = 0.0  # seconds of workers that the frames were allowed to spend
    spacing: float = 0.0

    def run(self, seconds: float) -> World:
        slept: list[float] = []
        pacer = Pacer(clock=lambda: self.now, cpu=lambda: self.spent, sleep=slept.append)
        end = self.now + seconds
        ready = [(self.now + 0.001 * n, str(n)) for n in range(self.readers)]
        heapq.heapify(ready)
        last: dict[str, Turn] = {}
        while ready[0][0] < end:
            self.now, name = heapq.heappop(ready)
            before = self.slots.setdefault(name, [])
            turn = last[name] = pacer.wait(name, last.get(name), self.workers)
            assert self.now + slept.pop() == pytest.approx(turn.at)
            before.append(turn.at)
            self.spent += self.cost
            self.training += turn.training
            late = self.hiccup(len(before))
            heapq.heappush(ready, (turn.at + self.cost + late, name))
        self.spacing = pacer.spacing
        return self

    @property
    def gaps(self) -> list[float]:
        return [b - a for slots in self.slots.values() for a, b in pairwise(slots)]


def test_alone_a_reader_gets_the_full_rate_and_no_more() -> None:
    gaps = World(readers=1).run(10).gaps
    assert gaps == pytest.approx([1 / MOST_FRAMES] * len(gaps))
    assert len(gaps) > 10 * MOST_FRAMES - 3


def test_what_one_picture_is_late_by_the_next_makes_up_for() -> None:
    # Every fourth comes 30 ms after its time.
    gaps = World(readers=1, hiccup=lambda n: 0.08 * (n % 4 == 0)).run(10).gaps
    assert len(gaps) > 10 * MOST_FRAMES - 3
    # After a long wait there is no burst.
    gaps = World(readers=1, hiccup=lambda n: 2.0 * (n == 50)).run(10).gaps
    after = gaps[gaps.index(max(gaps)) + 1 :]
    assert sum(gap < 0.9 / MOST_FRAMES for gap in after) <= 1


@pytest.mark.parametrize("readers", [2, 10, 30, 100])
def test_a_crowd_shares_the_pictures_alike(readers: int) -> None:
    counts = [len(slots) for slots in World(readers).run(30).slots.values()]
    assert max(counts) <= 1.1 * min(counts) + 1


@pytest.mark.parametrize("readers", [30, 100, 200])
def test_no_more_frames_are_promised_than_the_processor_can_draw(readers: int) -> None:
    world = World(readers).run(30)
    assert world.spent <= 30
    drawn = sum(slot < world.now for slots in world.slots.values() for slot in slots)
    assert drawn <= 30 / world.spacing * 1.02
    assert world.spacing > world.cost


@pytest.mark.parametrize("readers", [1, 30, 200, 600])
def test_no_picture_stands_still_for_longer_than_a_second(readers: int) -> None:
    world = World(readers).run(20)
    assert max(world.gaps) < 1.1
    assert len(world.slots) == readers


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("readers", [1, 2, 30, 100])
def test_all_frames_together_train_no_more_than_the_workers_can(readers: int, workers: int) -> None:
    world = World(readers, workers=workers).run(30)
    # The first second sees readers come in one by one.
    assert world.training <= 0.8 * 31 * min(readers, workers)
    assert world.training > 0.5 * 30 * min(readers, workers)


def test_slots_move_apart_when_frames_turn_out_to_cost_more() -> None:
    cheap, dear = (World(30, cost=cost).run(30) for cost in (0.002, 0.015))
    assert dear.spacing > 0.015
    assert cheap.spacing < 0.004
    assert len(dear.gaps) < len(cheap.gaps) / 2


def test_a_reader_who_leaves_gives_the_room_to_the_others() -> None:
    now = [0.0]
    pacer = Pacer(clock=lambda: now[0], cpu=lambda: 0.0035 * now[0], sleep=lambda _: None)

    def frames(names: list[str], seconds: float) -> float:
        """The training that the last reader's last frame may spend."""
        training = 0.0
        for _ in range(round(seconds * 20)):
            now[0] += 0.05
            for name in names:
                training = pacer.wait(name, Turn(now[0] - 0.05, 0.0, now[0] - 0.05)).training
        return training

    crowded = frames([str(n) for n in range(8)], 5)
    assert frames(["7"], 8) == pytest.approx(8 * crowded)
