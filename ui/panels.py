"""Panels that single chapters have: which half of the cure, and the atlas.

What they show is the same for every reader, so it is computed once in a process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from charts import Picture, filled, halves, sleep
from charts import atlas as atlas_chart
from charts.atlas import CELL, QUANTITIES, Quantity
from live.jobs import Busy, jobs
from live.private import is_there, session_id
from live.slot import Slot, titled
from model.atlas import Atlas, Plan
from model.experiment import PRESETS, Experiment
from model.jobs import advance_atlas, train_and_look
from model.workers import heavy_workers
from ui.link import touched
from ui.session import Session, this_session

_HEIGHT = 340

SEEDS = 12
PARTS: Mapping[str, Experiment] = {
    "neither": PRESETS["three_layers"],
    "biases of 0.1 only": PRESETS["bias_only"],
    "Xavier weights only": PRESETS["scale_only"],
    "both": PRESETS["cure"],
}


class Panel(Protocol):
    """A part of the live page that belongs to one chapter."""

    @property
    def busy(self) -> bool:
        """Whether there is more to come."""

    def draw(self) -> None:
        """Draw what there is."""


def panel_of(session: Session, place: DeltaGenerator) -> Panel | None:
    """The panel of the session's chapter, if it has one."""
    kinds: Mapping[str, Callable[[Session, DeltaGenerator], Panel]] = {
        "half": HalfPanel,
        "atlas": AtlasPanel,
    }
    if session.link.chapter != "atlas":
        room.leave(session_id())
    kind = kinds.get(session.link.chapter or "")
    return kind(session, place) if kind else None


class HalfPanel:
    """A dozen seeds for each half of the cure, at the step where the session stands."""

    def __init__(self, session: Session, place: DeltaGenerator) -> None:
        self._session = session
        place.markdown(f"**Which half works? {SEEDS} seeds each, all of them three layers**")
        self._chart = Slot(place.container(height=_HEIGHT + 16, border=False))
        self._caption = Slot(place.container())
        self._job = jobs.ask("halves", _train_halves)

    @property
    def busy(self) -> bool:
        """Whether the networks are still being trained."""
        return not self._job.done()

    def draw(self) -> None:
        """Draw every network where it stood at the session's step."""
        if self.busy:
            before = jobs.place(self._job)
            wait = f" after {before} other jobs" if before else ""
            self._caption.draw("caption", f"Training the networks{wait}: a few seconds, once.")
            return
        if error := self._job.exception():
            self._caption.draw("caption", f"These networks could not be trained: {error}.")
            return
        spread = self._job.result()
        step = self._session.shown or int(spread.steps[-1])
        at = max(int(np.searchsorted(spread.steps, step, side="right")) - 1, 0)
        shares = spread.shares[at].reshape(len(PARTS), SEEDS)
        name = "How much of the target's range the answers of each network span"
        picture = Picture(halves.spec(), halves.data(list(PARTS), shares), name)
        self._chart.chart(picture, _HEIGHT)
        self._caption.draw(
            "caption",
            f"After {int(spread.steps[at]):,} steps. Press Train or move the slider to see other "
            f"steps; the networks here go as far as {int(spread.steps[-1]):,}.",
        )


def _train_halves() -> Any:
    networks = [replace(part, seed=seed) for part in PARTS.values() for seed in range(SEEDS)]
    return heavy_workers().call(train_and_look, networks, PRESETS["cure"].steps)


class AtlasRoom:
    """The atlas of this process: one for all readers, trained slice by slice while one looks on."""

    # Steps of a slice: short, so that other heavy jobs get their turn between two.
    SLICE = 2_000

    def __init__(self, is_there: Callable[[str], bool]) -> None:
        self.atlas: Atlas | None = None
        self._is_there = is_there
        self.error: str | None = None
        self._running = False
        self._lock = threading.Lock()
        self._watchers: set[str] = set()

    @property
    def running(self) -> bool:
        """Whether it is being trained."""
        return self._running

    def watch(self, session: str) -> None:
        """Go on with the atlas for as long as this reader, or another, wants it."""
        with self._lock:
            self._watchers.add(session)
            complete = self.atlas is not None and self.atlas.complete
            if not self._running and not complete:
                self._running = True
                self.error = None
                self._queue()

    def is_watched_by(self, session: str) -> bool:
        """Whether it is being trained for this reader, among others perhaps."""
        return self._running and session in self._watchers

    def leave(self, session: str) -> None:
        """This reader has seen enough; the last one to leave stops the work."""
        with self._lock:
            self._watchers.discard(session)

    def _queue(self) -> None:
        try:
            jobs.ask(("atlas", object()), self._slice)
        except Busy as busy:
            self._running, self.error = False, str(busy)

    def _slice(self) -> None:
        try:
            self.atlas = heavy_workers().call(advance_atlas, Plan(), self.atlas, self.SLICE)
        except Exception as error:
            self._running, self.error = False, f"{type(error).__name__}: {error}"
            raise
        with self._lock:
            # Who closed the page has left without a word.
            self._watchers = {s for s in self._watchers if self._is_there(s)}
            self._running = bool(self._watchers) and not self.atlas.complete
            if self._running:
                self._queue()


room = AtlasRoom(is_there)


class AtlasPanel:
    """The atlas as far as it is known, with a button to draw on and one to stop."""

    def __init__(self, session: Session, place: DeltaGenerator) -> None:
        self._drawn: object = None
        self._listens = False
        atlas = room.atlas
        with place:
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                watching = room.is_watched_by(session_id())
                st.button(
                    "Stop" if watching else "Draw the atlas",
                    key="atlas draw",
                    disabled=atlas is not None and atlas.complete,
                    on_click=_stop if watching else _draw_on,
                    args=(session_id(),),
                )
                st.segmented_control(
                    "A cell shows",
                    list(QUANTITIES),
                    format_func=lambda quantity: (
                        QUANTITIES[quantity][0].upper() + QUANTITIES[quantity][1:]
                    ),
                    key="atlas quantity",
                    default="wake_up",
                    required=True,
                    on_change=touched,
                )
                with st.container(width="stretch"):
                    self._progress = Slot(st.container())
            self._chart = Slot(st.container(height=_HEIGHT + 16, border=False))
            plan = Plan()
            st.caption(
                f"A cell is the middle one of {len(plan.seeds)} seeds. Dark cells slept for all of "
                f"the {plan.budget:,} steps they were given. The dashed line is where theory puts "
                "that edge, from the initial scale and the depth alone; it is meant for small "
                "weights, and fails to the right of Xavier's line, where signals grow from layer "
                "to layer. Click a cell to open its network."
            )
            self._law = titled(
                st.container(),
                "The law of sleep: each cell's wake-up step, and the theory's lines",
                _HEIGHT,
                "Near zero, each layer's pull is a product of all the others' weights. So the "
                "wait grows by a constant for each tenth of the scale with two layers, ten times "
                "with three, a hundred times with four. A line is that law, with nothing fitted.",
            )

    @property
    def busy(self) -> bool:
        """Whether cells are being filled in."""
        return room.running

    def draw(self) -> None:
        """Draw the cells that are known."""
        atlas = room.atlas or Atlas.of(Plan())
        done = "All cells are known." if atlas.complete else f"{atlas.progress:.0%} of the atlas"
        self._progress.draw("progress", atlas.progress, room.error or done)
        quantity: Quantity = st.session_state.get("atlas quantity") or "wake_up"
        if self._drawn is not None and self._drawn is atlas:
            return
        if self._listens:
            st.rerun()  # more cells are coming
        # An element that listens can be drawn but once in a run of the script: cells can be clicked
        # while no more are coming.
        self._listens = self._drawn is None and not room.running
        self._drawn = atlas
        self._chart.draw(
            "vega_lite_chart",
            filled(atlas_chart.spec(quantity), atlas_chart.data(atlas)),
            height=_HEIGHT,
            alt="Wake-up step by depth and initial scale",
            **(_LISTENING if self._listens else {}),
        )
        name = "Wake-up step against initial scale, one colour a depth, beside the theory"
        self._law.chart(Picture(sleep.spec(), sleep.data(atlas), name), _HEIGHT)


def _cell_clicked() -> None:
    touched()
    cells = st.session_state["atlas"]["selection"].get(CELL)
    if not cells:
        return
    session, plan = this_session(), Plan()
    experiment = plan.experiment(int(cells[0]["layers"]), float(cells[0]["scale"]), plan.seeds[0])
    # Depth and scale are the reader's to choose in the chapter of the atlas.
    session.open(replace(session.link, experiment=experiment, versus=None, step=0, train=False))


_LISTENING: Mapping[str, Any] = {"key": "atlas", "on_select": _cell_clicked}


def _draw_on(name: str) -> None:
    touched()
    room.watch(name)


def _stop(name: str) -> None:
    touched()
    room.leave(name)
