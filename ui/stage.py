"""The live part of the page: what is drawn anew with every frame.

Everything on it has its place from the start, so that no element ever moves another (React would
take the one for the other and rebuild it). All of it is drawn once, at once, before the first
frame is waited for: what is not redrawn within half a second of a run is faded by the browser.
"""

from __future__ import annotations

import gc
import time
from functools import cache

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from charts import ladder, pictures
from charts.theme import FIRST, SECOND
from live import metrics, private
from live.carrier import Carrier
from live.flow import Flow, Marker
from live.pacer import Turn, pacer
from live.private import reader_is_there, session_id
from live.slot import Slot, titled
from model.diagnosis import Diagnosis, diagnose
from model.workers import WARM_UP_SECONDS
from ui import asking, controls, share, story
from ui.link import Publisher
from ui.panels import Panel, panel_of
from ui.session import Session
from ui.story import Scene

# Pixels: the verdict, the proof and Train are in view at once on a laptop.
_TALL, _LOW = 290, 220

# A row of a ladder needs room for its label and its bars.
_ROW, _AXIS = 50, 40

# Text that changes twenty times a second cannot be read, and a curve grows by a point: what is read
# rather than watched is drawn this often, in seconds, and with the last picture.
_READING_EVERY = 0.35

# Objects made before the youngest are collected, and how many such collections make an older one.
_COLLECT_AFTER = (50_000, 50, 50)

# How often a page that waits for TensorFlow says so anew, in seconds.
_WAITING = 0.5

# For how long a page may catch up with its link before it draws, in seconds.
_UNSEEN = 1.0

# As near as text comes to the colours of the networks in the charts.
_LANE_COLOURS = {FIRST: "orange", SECOND: "violet"}

# What each chart shows, for who asks.
_HELP = {
    "values": "One row a layer, from the input to the output. Bars: the layer's numbers now. "
    "Outline: at step 0. σ is their spread (standard deviation).",
    "gradients": "A gradient says how much the error would change if a number of the network "
    "changed; training moves each number by a small part of it. On this axis each line is a "
    "hundred times the one before, so the further left, the weaker training pulls. Exact zeros "
    "have no place on it and are counted beside.",
    "estimate": "What the network answers to every input from -1 to 1. Grey: what it should.",
    "flow": "The size (root mean square) of the gradient of each layer's weights, over the steps "
    "between two remembered ones.",
    "loss": "The error, squared: the mean over the steps between two remembered ones. A network "
    "that ignores its input cannot get below the grey line, on average.",
    "chain": "On its way back from the error to the first weights, the gradient is multiplied by "
    "each of these factors, from the top down. A bar goes from the product before it to the "
    "product after it: filled where that is smaller, hollow where it is larger. The diamond is "
    "the result.",
}

_COLOURS = {
    "asleep": "orange",
    "waking": "yellow",
    "learning": "blue",
    "learned": "green",
    "dead": "red",
    "exploding": "red",
    "diverged": "red",
}


class Stage:
    """The live part: its places, and what fills them."""

    def __init__(self, session: Session, carrier: Carrier) -> None:
        self.session = session
        self._carrier = carrier
        self._script = session.new_script()
        self._flow: Flow = st.session_state.setdefault("flow", Flow())
        self._last_turn = 0.0

    def train_first(self) -> None:
        """Where the reader has pressed Train, train before the page is drawn, not after."""
        if self.session.begun and self.session.playing and not self.session.over:
            self._advance()

    def lay_out(self) -> None:
        """Put everything in its place, empty; and the controls."""
        session = self.session
        self._hidden = session.link.hide
        self._text = Slot(st.container())
        controls.show(session)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            controls.buttons(session)
            with st.container(width=200):
                controls.speed(session)
            with st.container(width="stretch"):
                self._progress = Slot(st.container())
        self._verdicts = {name: Slot(st.container()) for name in session.runs}
        self._panel: Panel | None = panel_of(session, st.container())
        self._lay_out_charts()
        with st.container():
            controls.look_back(session)
        self._evidence: Slot | None = None
        if "verdict" not in self._hidden:
            evidence = st.expander(
                "The numbers behind the verdict",
                icon=":material/fact_check:",
                key="evidence",
                on_change="rerun",
            )
            self._evidence = Slot(evidence) if evidence.open else None
        if "share" not in self._hidden:
            share.show(session)
        self._publisher = Publisher(session, self._carrier)
        self._marker = Marker(st.container(key="shown"), self._flow)
        # The controls have been asked: these are the runs that all of it is for.
        self._runs = session.runs

    def live(self) -> None:
        """Draw; then wait for TensorFlow, train and draw, until paused or the reader leaves."""
        session = self.session
        with pacer.drawing:
            self._publisher.publish()
        moved = not session.begun or self._moves()
        self._wait_for_weights()
        if not session.begun:
            return
        self._catch_up()
        with pacer.drawing:
            self._draw()
        _settle()
        if self._moves():
            with metrics.training_session():
                self._play()
        if moved and self._may_go_on():
            session.stopped()
            st.rerun()  # the buttons say what can be done now

    def _catch_up(self) -> None:
        """Go where the link says before anything is drawn, for as long as nobody minds.

        The browser of a reader whose server went away still shows the pictures of where the run
        stood: they must not begin again at step 0, however long it takes.
        """
        session, began = self.session, time.monotonic()
        said = began
        while session.catching_up and self._goes_on():
            now = time.monotonic()
            if now - began > _UNSEEN and not session.moved_here:
                break
            if now - said > _WAITING:
                said = now
                share = session.step / session.goal
                text = "Your server went away. This one goes back to where your run stood"
                self._progress.draw("progress", share, f"{text}: {share:.0%}")
            self._advance()

    def _advance(self) -> Turn:
        """Wait for this reader's turn, and train for it."""
        turn = pacer.wait(session_id(), self._last_turn, self.session.workers[0].processes)
        self._last_turn = turn.at
        self.session.advance(turn)
        return turn

    def _play(self) -> None:
        """Frame after frame, each when the browser is ready for it, until paused or alone."""
        session, read_at = self.session, time.monotonic()
        while self._moves() and self._flow.wait(self._may_go_on):
            last, began = self._last_turn, time.monotonic()
            turn = pacer.wait(session_id(), last, session.workers[0].processes)
            if not self._may_go_on():
                break
            if session.replaying:
                session.replay_one()
            elif session.busy:
                session.advance(turn)
            metrics.frame(turn.at - last if last else 0.0, time.monotonic() - began)
            self._last_turn = turn.at
            readings = time.monotonic() - read_at > _READING_EVERY or not self._moves()
            if readings:
                read_at = time.monotonic()
            with pacer.drawing:
                if session.announce():
                    self._publisher.publish()
                self._draw(readings)

    def _may_go_on(self) -> bool:
        return self._goes_on() and not private.rerun_is_asked_for()

    def _lay_out_charts(self) -> None:
        session = self.session
        rows = max(run.experiment.layers for run in session.runs.values())
        self._tall = max(_TALL, rows * _ROW + _AXIS)
        columns = st.columns([5, 5, 4])
        self._estimate: Slot | None = None
        if "estimate" not in self._hidden:
            self._estimate = titled(columns[2], "The estimate", _TALL, _HELP["estimate"])
        self._ladders: dict[tuple[str, ladder.What], Slot] = {}
        if "ladder" not in self._hidden:
            self._lay_out_ladders(columns[:2])
        left, right = st.columns(2)
        places = {
            "flow": (left, "The flow of gradient, step by step"),
            "loss": (right, "The loss, step by step"),
            "chain": (
                st.container(),
                "Why the gradient of W is what it is: a product, at the latest step",
            ),
        }
        self._curves = {
            part: titled(column, title, _LOW, _HELP[part])
            for part, (column, title) in places.items()
            if part not in self._hidden
        }

    def _lay_out_ladders(self, columns: list[DeltaGenerator]) -> None:
        session = self.session
        kind = "Biases" if session.view.biases else "Weights"
        titles: dict[ladder.What, str] = {
            "values": kind,
            "gradients": f"Gradients of the {kind.lower()}",
        }
        alone = len(session.runs) == 1
        # Side by side, what differs most stands on top: the gradients.
        rows: list[ladder.What] = ["values", "gradients"] if alone else ["gradients", "values"]
        for row, what in enumerate(rows):
            for column, name in enumerate(session.runs):
                title = titles[what]
                if not alone:
                    title += f" · {story.lane_title(session, name)}"
                place = columns[row if alone else column]
                self._ladders[name, what] = titled(place, title, self._tall, _HELP[what])

    def _moves(self) -> bool:
        """Whether there is anything to draw after this frame."""
        panel_busy = self._panel is not None and self._panel.busy
        return self.session.busy or self.session.replaying or panel_busy

    def _goes_on(self) -> bool:
        # A click can open other runs before the script that it brings about has a stage.
        mine = self.session.is_newest(self._script) and self.session.runs is self._runs
        return mine and reader_is_there()

    def _wait_for_weights(self) -> None:
        """Until TensorFlow stands, say what is waited for and for how long."""
        session = self.session
        if session.begun:
            return
        self._text.draw("markdown", story.GREETING)
        asking.tell(self._say_place)
        for pool in session.workers:
            while not pool.ready and pool.error is None:
                waited = pool.warming_seconds
                then = " Training begins by itself." if session.busy else ""
                self._progress.draw(
                    "progress",
                    min(waited / WARM_UP_SECONDS, 0.99),
                    f"TensorFlow is starting on the server: {waited:.0f} s so far, of about "
                    f"{WARM_UP_SECONDS} s as a rule.{then}",
                )
                if not self._goes_on():
                    return
                time.sleep(_WAITING)
            if pool.error is not None:
                self._progress.draw("error", f"Nothing can be trained at the moment. {pool.error}.")
                return
        session.begin()
        asking.tell(None)
        if session.error:
            self._progress.draw("error", f"Nothing can be trained at the moment. {session.error}.")

    def _say_place(self, before: int) -> None:
        """Say for how many others a reader waits whose network has to be compiled first."""
        place = f"{before:,} before it" if before else "it is next"
        self._progress.draw("progress", 0.0, f"This network waits to be compiled: {place}.")

    def _draw(self, readings: bool = True) -> None:
        """Draw the pictures; and, with ``readings``, what is read rather than watched."""
        session = self.session
        with session.lock:
            if session.runs is not self._runs:
                return
            now = session.snapshots()
            self._draw_progress()
            histories = pictures.histories_of(session.runs)
            # Ridges are many marks, and change little from one picture to the next.
            ladders = self._ladders if readings or not session.view.over_time else {}
            for (name, what), slot in ladders.items():
                picture = pictures.ladder_of(histories, now, name, what, session.view)
                slot.chart(picture, self._tall)
            if self._estimate is not None:
                self._estimate.chart(pictures.estimate_of(now), _TALL)
            if readings:
                verdicts = {n: diagnose(run, session.look) for n, run in session.runs.items()}
                self._text.draw("markdown", story.text(Scene(session, now, verdicts)))
                self._draw_verdicts(verdicts)
                if self._evidence is not None:
                    self._evidence.draw("markdown", story.evidence(session, verdicts))
                for part, slot in self._curves.items():
                    draw = pictures.CURVES[part]
                    slot.chart(draw(session.runs, session.end, session.shown), _LOW)
                if self._panel is not None:
                    self._panel.draw()
            self._marker.draw()

    def _draw_progress(self) -> None:
        session = self.session
        step, end = session.step, session.end
        text = f"Step {step:,} of {end:,}"
        if session.look is not None:
            text = f"Looking back at step {next(iter(session.snapshots().values())).step:,}"
        elif session.busy and session.steps_per_second:
            left = (end - step) / session.steps_per_second
            text += f" · {session.steps_per_second:,.0f} steps/s · {_duration(left)} left"
        if session.error:
            text += f" · Training stopped: {session.error}. Press Train to try again."
        self._progress.draw("progress", min(step / end, 1.0), text)

    def _draw_verdicts(self, verdicts: dict[str, Diagnosis]) -> None:
        for name, slot in self._verdicts.items():
            found = verdicts[name]
            badge = f":{_COLOURS[found.verdict]}-badge[{found.verdict}]"
            # Most sentences begin with the verdict, which the badge shows.
            sentence = found.sentence.removeprefix(f"{found.verdict.capitalize()}: ")
            colour = _LANE_COLOURS[name]
            title = story.lane_title(self.session, name)
            lane = "" if len(verdicts) == 1 else f":{colour}[**{title}**] "
            if "verdict" not in self._hidden:
                slot.draw("markdown", f"{lane}{badge} {sentence}")


@cache
def _settle() -> None:
    """Once a page has been drawn, all that has been imported stays for good.

    Streamlit collects garbage after each run of the script, over everything there is (half of a
    crowded server's time, measured); what is frozen is not looked at again. A frame makes some
    thousand objects and hardly a cycle, so Python need not look for them every few frames either
    (another quarter, measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
