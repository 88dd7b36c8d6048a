"""This session's runs: one, or two side by side; playing, paused, or on the way to a step.

Two threads can be inside one session (a download is made in a thread of its own, and a server may
be set to start the next run of the script while the last one is still at work), so there is one
lock, every advance is atomic, and only the newest run of the script may go on training.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from math import ceil

import streamlit as st

from charts.pictures import View
from charts.theme import FIRST, SECOND
from live import metrics
from live.fairness import ledger
from live.pacer import MOST_FRAMES, Turn
from live.private import session_id
from live.room import room
from model import Run
from model.chapters import CHAPTERS
from model.experiment import MOST_LAYERS, SEEDS, Experiment
from model.history import Snapshot
from model.link import Link
from model.workers import Gone, WorkerError, Workers, is_compiled, workers_for

# Steps a frame, at the full frame rate.
SPEEDS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
SPEED = 100

# A frame that comes late carries more steps, up to this many seconds' worth.
_LONGEST_FRAME = 1.5


# Seconds of training by which the address runs ahead, and so the time between two writes of it.
_AHEAD = 5.0

# Steps of a first chunk, when nobody knows yet what a step costs.
_FEELER = 100


# Seconds for which a forecast is left on the page before the run goes on by itself.
ANSWER_WITHIN = 10.0


@dataclass(frozen=True)
class Forecast:
    """What was foretold of the first lane: the step at which it wakes, and when it was said."""

    wakes_at: tuple[int, int, int]  # step: earliest, best guess, latest
    step: int


class Session:
    """What one reader is looking at."""

    def __init__(self, link: Link, pool: Workers | None = None) -> None:
        self.lock = threading.RLock()
        self._pool = pool
        self.speed = CHAPTERS[link.chapter].speed if link.chapter else SPEED
        self.playing = False
        self.error: str | None = None
        self.look: int | None = None  # a remembered step to look back at
        self.replaying = False
        self.view = View()
        #: Whether the reader saw all this before, on a server that is gone.
        self.moved_here = False
        self._announced = 0
        self._newest_script = 0
        self._last_advance = 0.0
        self._rate = 0.0
        self.open(link)

    def open(self, link: Link) -> None:
        """Show what a link says, from the beginning."""
        with self.lock:
            self.link = link
            self.runs = {FIRST: self._run(link.experiment)}
            if link.versus is not None:
                self.runs[SECOND] = self._run(link.versus)
            self.goal = min(link.step, self.end)
            self.playing = link.train
            self.look = None
            self.replaying = False
            self.moved_here = False
            self.error = None
            self.guess: object = None  # what the reader has predicted of this run
            self.forecast: Forecast | None = None
            self._asks_until = 0.0
            self._announced = 0

    def change(self, first: Experiment, second: Experiment | None) -> None:
        """Other experiments, from the beginning; training goes on if it was going on.

        Where only the number of steps changed, the run goes on from where it stood: it does not
        depend on that number.
        """
        with self.lock:
            old, step = self.link, self.step
            same = _endless(old.experiment, old.versus) == _endless(first, second)
            playing = self.playing
            step = step if same else 0
            self.open(replace(old, experiment=first, versus=second, step=step, messages=()))
            self.playing = playing

    def compare(self, second: bool) -> None:
        """Put a second lane beside the first, or take it away; a chapter ends there."""
        first = self.link.experiment
        # What is compared must differ, or there is nothing to see: one layer more, or fewer.
        layers = first.layers + 1 if first.layers < MOST_LAYERS else first.layers - 1
        versus = replace(first, layers=layers) if second else None
        self.open(replace(self.link, versus=versus, chapter=None, step=0, train=False))

    @property
    def run(self) -> Run:
        """The first lane's run."""
        return self.runs[FIRST]

    @property
    def workers(self) -> list[Workers]:
        """The workers that train the lanes."""
        return [self._workers_for(run.experiment) for run in self.runs.values()]

    @property
    def trains_at_once(self) -> bool:
        """Whether no lane has to wait for TensorFlow, or for its graph to be compiled."""
        lanes = [(self._workers_for(run.experiment), run.experiment) for run in self.runs.values()]
        return all(
            pool.ready and (is_compiled(lane) or pool.seconds_per_step(lane) is not None)
            for pool, lane in lanes
        )

    @property
    def begun(self) -> bool:
        """Whether every lane has its initial weights."""
        return all(run.begun for run in self.runs.values())

    @property
    def step(self) -> int:
        """The step at which the lanes stand."""
        return min(run.step for run in self.runs.values())

    @property
    def shown(self) -> int:
        """The step that the pictures show: the latest, or the one that the reader looks back at."""
        return self.step if self.look is None else self.look

    @property
    def end(self) -> int:
        """The step at which training stops."""
        return max(run.experiment.steps for run in self.runs.values())

    @property
    def over(self) -> bool:
        """Whether no lane can go on."""
        return self.step >= self.end or any(run.status == "diverged" for run in self.runs.values())

    @property
    def playing(self) -> bool:
        """Whether the reader has the run go on; no run goes on beyond its end."""
        return self._playing and not self.over

    @playing.setter
    def playing(self, playing: bool) -> None:
        self._playing = playing

    @property
    def catching_up(self) -> bool:
        """Whether the lanes are on their way to a step that the link named."""
        return self.step < self.goal and not self.over

    @property
    def busy(self) -> bool:
        """Whether there is training to do."""
        return (self.playing and not self.asks) or self.catching_up

    @property
    def has_left_chapter(self) -> bool:
        """Whether the experiments are no longer those that the link's chapter is about."""
        link = self.link
        return link.chapter is not None and CHAPTERS[link.chapter].is_left(
            link.experiment, link.versus
        )

    @property
    def asks(self) -> bool:
        """Whether the run rests at its first forecast, for the reader to take it in."""
        return self.playing and time.monotonic() < self._asks_until

    @property
    def can_foretell(self) -> bool:
        """Whether the chapter waits for its run's first forecast."""
        chapter = self.link.chapter
        waits = chapter is not None and CHAPTERS[chapter].forecast and not self.has_left_chapter
        return waits and self.playing and self.forecast is None

    def foretell(self, wakes_at: tuple[int, int, int]) -> None:
        """Let the run rest at its first forecast, until the reader answers or has had the time."""
        self.forecast = Forecast(wakes_at, self.step)
        self._asks_until = time.monotonic() + ANSWER_WITHIN

    @property
    def steps_per_second(self) -> float:
        """How fast training goes; 0 while it does not."""
        return self._rate

    def play(self) -> None:
        """Go on training."""
        # The time that has gone by since the last frame was no training time.
        self.stopped()
        self.look = None
        self.replaying = False
        self.error = None
        self._asks_until = 0.0
        self.playing = True

    def again(self) -> None:
        """From the beginning, and at once."""
        guess = self.guess
        self.reset()
        self.guess = guess
        self.play()

    def pause(self) -> None:
        """Stop after the present chunk."""
        self.playing = False
        self.replaying = False
        self.goal = 0

    def reset(self) -> None:
        """Back to step 0, with the same initial weights."""
        self.open(replace(self.link, step=0, train=False, messages=()))

    def new_seed(self) -> None:
        """Other initial weights and inputs, the same for both lanes."""
        seed = (self.run.experiment.seed + 1) % SEEDS
        second = self.link.versus
        self.change(replace(self.run.experiment, seed=seed), second and replace(second, seed=seed))

    def step_once(self) -> None:
        """Train one step more, and stand there."""
        self.look = None
        self.replaying = False
        self.playing = False
        self.goal = min(self.step + 1, self.end)

    def new_script(self) -> int:
        """Note that the script runs anew; older runs of it stop training."""
        with self.lock:
            self._newest_script += 1
            return self._newest_script

    def is_newest(self, script: int) -> bool:
        """Whether ``script`` is the latest run of the script."""
        return self._newest_script == script

    def begin(self) -> None:
        """Draw the initial weights of every lane."""
        self._advance(0)

    def advance(self, turn: Turn) -> None:
        """Train for one frame: as far as the reader's speed, the budget and the goal allow."""
        now = time.monotonic()
        elapsed = min(now - self._last_advance, _LONGEST_FRAME)
        if not self._last_advance or now - self._last_advance > 2 * _LONGEST_FRAME:
            elapsed = 1 / MOST_FRAMES
        self._last_advance = now
        most = self._affordable(turn.training)
        if self.catching_up:
            steps = min(self.goal - self.step, most)
        else:
            steps = min(round(self.speed * max(elapsed * MOST_FRAMES, 1.0)), most)
        steps = min(steps, self.end - self.step)
        self._advance(steps)
        rate = steps / max(elapsed, 1e-3)
        self._rate = rate if not self._rate else 0.9 * self._rate + 0.1 * rate

    def stopped(self) -> None:
        """Note that training has come to rest, for whatever reason."""
        self._rate = 0.0
        self._last_advance = 0.0

    def snapshots(self) -> dict[str, Snapshot]:
        """Each lane as it is to be drawn: now, or at the step that the reader looks back at."""
        with self.lock:
            return {
                name: run.history.at(run.step if self.look is None else self.look)
                for name, run in self.runs.items()
            }

    def remembered(self) -> list[int]:
        """The steps that can be looked back at."""
        return [int(step) for step in self.run.history.steps]

    def look_back(self, step: int) -> None:
        """Show a remembered step; the latest one is now."""
        self.replaying = False
        self.look = None if step >= self.step else step

    def replay(self) -> None:
        """Show the remembered steps one after the other, from the first."""
        self.playing = False
        self.replaying = True
        self.look = 0

    def replay_one(self) -> None:
        """Go on to the next remembered step."""
        later = [step for step in self.remembered() if self.look is not None and step > self.look]
        self.look = later[0] if len(later) > 1 else None
        self.replaying = self.look is not None

    def position(self) -> Link:
        """The link that leads here, or to where training is going to be within a second.

        A browser that loses its server goes on from the address that it shows, so that must not
        lie behind what its reader has seen.
        """
        step = max(self.step, self.goal)
        if self.playing:
            step = self._announced = min(self.end, step + ceil(_AHEAD * self._rate))
        return replace(self.link, step=step, train=self.playing, messages=())

    def announce(self) -> bool:
        """Whether the address is to be written anew: training has overtaken what it says."""
        return self.playing and self.step > self._announced

    def _advance(self, steps: int) -> None:
        with self.lock:
            try:
                for run in self.runs.values():
                    _make_room(run)
                    before = run.step
                    run.advance(steps)
                    steps = run.step - before  # fewer, where a run diverged
                for name, run in self.runs.items():
                    if run.step > self.step:  # the other lane diverged: stand beside it
                        engine = self._workers_for(run.experiment).advance
                        self.runs[name] = Run.at(run.experiment, self.step, engine)
                if any(run.diverged for run in self.runs.values()):
                    metrics.diverged()
            except Gone:
                pass  # the run stands where it stood, for when its reader comes back
            except WorkerError as error:
                self.playing, self.goal = False, 0
                self.error = str(error)

    def _affordable(self, seconds: float) -> int:
        """How many steps of all lanes fit into ``seconds`` of a worker."""
        cost = 0.0
        for run in self.runs.values():
            step = self._workers_for(run.experiment).seconds_per_step(run.experiment)
            if step is None:
                return _FEELER
            cost += step
        return max(1, int(seconds / cost))

    def _run(self, experiment: Experiment) -> Run:
        return Run(experiment, self._workers_for(experiment).advance)

    def _workers_for(self, experiment: Experiment) -> Workers:
        return self._pool or workers_for(experiment)


def _make_room(run: Run) -> None:
    history = run.history
    if not run.begun and not room.take(history, history.nbytes, ledger.whose(session_id())):
        raise WorkerError(
            "this server has no room for another large network; choose fewer layers or units, or "
            "try again in a minute"
        )


def _endless(*lanes: Experiment | None) -> list[Experiment | None]:
    """The experiments without their numbers of steps, on which no run depends."""
    return [lane and replace(lane, steps=1) for lane in lanes]


def this_session() -> Session:
    """The session of the reader whose script this is."""
    found: Session = st.session_state["session"]
    return found
