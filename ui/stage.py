"""The live part of the page: what is drawn anew with every frame.

Everything on it has its place from the start, so that no element ever moves another (React would
take the one for the other and rebuild it). All of it is drawn once, at once, before the first
frame is waited for: what is not redrawn within half a second of a run is faded by the browser.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from charts import ladder, pictures
from charts.pictures import Now
from charts.theme import FIRST
from live import garbage, metrics, private
from live.carrier import Carrier
from live.flow import Flow
from live.pacer import Turn, pacer
from live.private import reader_is_there, session_id
from live.progress import Progress
from live.slot import Slot
from model.chapters import CHAPTERS, beginning
from model.diagnosis import diagnose
from model.workers import WARM_UP_SECONDS
from ui import asking, controls, story
from ui.link import Publisher
from ui.panels import Panel, panel_of
from ui.scene import MARKS, Scene
from ui.session import Session

# A row of a ladder needs room for its label and its bars.
_ROW, _AXIS = 50, 40

# Pixels of the curves, and of a bar of the chain with its figure.
_LOW, _FACTOR = 220, 14

# Text that changes twenty times a second cannot be read, and a curve grows by a point: what is read
# is drawn this often, a curve or a second ladder that often, in seconds.
_WORDS_EVERY, _CURVES_EVERY = 0.35, 0.8

# What is not for every frame comes in every third at most, where the browser is slow: two are on
# their way at a time.
_AGES = 1.5

# A browser that shows a frame within so many seconds gets one picture in each, two, or three.
_QUICK = (float("inf"), 0.16, 0.1)

# How often a page that waits for TensorFlow says so anew, in seconds.
_WAITING = 0.5

# What lies off the screen as a rule, before the browser has told what does.
_BELOW = frozenset({"beside", "panel", "curves"})

# For how long a page may catch up with its link before it draws, in seconds.
_UNSEEN = 1.0

# What each chart shows, for who asks.
_HELP = {
    "values": "One row a layer, from the input to the output. Bars: the layer's numbers now. "
    "Outline: at step 0. σ is their spread (standard deviation).",
    "gradients": "A gradient says how much the error would change if a number of the network "
    "changed; training moves each number by a small part of it. On this axis each line is a "
    "hundred times the one before, so the further left, the weaker training pulls. Exact zeros "
    "have no place on it and are counted beside.",
    "flow": "The size (root mean square) of the gradient of each layer's weights, over the steps "
    "between two remembered ones.",
    "loss": "The error, squared: the mean over the steps between two remembered ones. A network "
    "that ignores its input cannot, on average, get below the grey line.",
    "chain": "On its way back from the error to the first weights, the gradient is multiplied by "
    "each of these factors, from the top down. A bar goes from the product before it to the "
    "product after it: filled where that is smaller, hollow where it is larger. The diamond is "
    "the result.",
}

_TITLES = {
    "flow": "The gradients, step by step",
    "loss": "The loss, step by step",
    "chain": "Why the gradient of W is what it is: a product",
}


@dataclass(eq=False)
class _Part:
    """A part of the page that is drawn again and again."""

    draw: Callable[[Now], None]
    place: str  # of the page, by its key
    every: float = 0.0  # seconds, of what is not for every frame
    quotes: bool = False  # whether it has figures that the words have too
    due: float = 0.0  # on the clock


class Stage:
    """The live part: its places, and what fills them. The page calls them from top to bottom."""

    def __init__(self, session: Session, carrier: Carrier) -> None:
        self.session = session
        self._carrier = carrier
        self._script = session.new_script()
        self._hidden = session.link.hide
        self._flow: Flow = st.session_state.setdefault("flow", Flow())
        self._last_turn: Turn | None = None
        self._embedded = bool(st.context.is_embedded)
        # The browser of a reader whose server went away still shows the run: nothing is put there.
        self._is_blank = not session.begun and not session.moved_here
        self._networks: dict[str, Slot] = {}
        self._estimate: Slot | None = None
        self._finding: Slot | None = None
        self._verdicts: dict[str, Slot] = {}
        self._ladders: dict[tuple[str, ladder.What], Slot] = {}
        self._curves: dict[str, Slot] = {}
        self._panel: Panel | None = None
        self._evidence: Slot | None = None
        self._place = ""  # the part of the page that is being laid out, by its key
        self._words = _Part(self._draw_words, "words", _WORDS_EVERY, quotes=True)
        self._parts = [self._words]
        self._quoted: Now = {}  # whose figures stand on the page
        self._had_words = False  # whether the last frame had the words
        self._scene: Scene | None = None

    def train_first(self) -> None:
        """Where the reader has pressed Train, train before the page is drawn, not after."""
        session = self.session
        if session.begun and session.playing and session.busy and session.trains_at_once:
            self._advance()

    def words(self) -> None:
        """The chapter's words, and what it asks of the reader."""
        with st.container(key="words"):
            # One place a time of the run: what is replaced does not move, as the browser sees it.
            self._texts = {phase: Slot(st.container()) for phase in story.PHASES}
            if self._is_blank:
                link = self.session.link
                said = beginning(link.experiment, link.versus, link.chapter)
                text = said.alone if self._embedded else said.whole()
                self._texts["before"].draw("markdown", text)
        with st.container(key="guess"):
            story.ask(self.session)

    def network(self) -> None:
        """The network, drawn; two of them in a comparison."""
        if "network" in self._hidden:
            return
        with st.container(key="network"), st.container(horizontal=True, gap="small", wrap=False):
            for name in self.session.runs:
                with st.container(key=f"network-{name}", gap=None):
                    st.markdown(story.lane_heading(self.session, name) or "**The network**")
                    self._networks[name] = Slot(st.container(key=f"drawing-{name}"))
        self._parts.append(_Part(self._draw_networks, "network", quotes=True))

    def estimate(self) -> None:
        """What the network answers, and what is to be seen there."""
        if "estimate" in self._hidden:
            return
        with st.container(key="estimate", gap=None):
            self._finding = self._slot("finding", "**The estimate**")
            self._estimate = Slot(st.container(key="answers"))
        self._parts.append(_Part(self._draw_estimate, "estimate"))

    def progress(self) -> None:
        """How far the run has come."""
        with st.container(key="progress"):
            self._progress = Progress(st.container(), self._flow)
            if self._is_blank:
                self._progress.say(0.0, "Step 0")

    def verdict(self) -> None:
        """What is to be said of each network: a line of fixed height."""
        if "verdict" in self._hidden:
            return
        with st.container(key="verdict", gap=None):
            self._verdicts = {
                name: self._slot(f"verdict-{name}", story.not_yet(self.session, name))
                for name in self.session.runs
            }

    def gradients(self) -> None:
        """The gradients layer by layer; in the chapter that asks why, the chain before them."""
        why = self.session.link.chapter == "why" and "chain" not in self._hidden
        if "ladder" in self._hidden and not why:
            return
        lanes = list(self.session.runs)
        alone = len(lanes) == 1
        self._place = "gradients"
        with st.container(key="gradients"):
            columns = iter(self._columns(why))
            if why and not self._embedded:
                self._curve("chain", next(columns))
            if "ladder" not in self._hidden:
                for name in lanes:
                    self._ladder(next(columns), name, "gradients")
                if alone and not self._embedded and not why:
                    self._beside_gradients(next(columns), lanes[0])
        # Ridges are many marks, and change little from one picture to the next.
        every = _CURVES_EVERY if self.session.view.over_time else 0
        self._parts.append(_Part(self._draw_gradients, self._place, every, quotes=True))

    def _beside_gradients(self, column: DeltaGenerator, name: str) -> None:
        """The weights; or the loss, where a forecast is drawn on it."""
        chapter = self.session.link.chapter
        place, self._place = self._place, "beside"
        column = column.container(key="beside")
        if chapter is not None and CHAPTERS[chapter].forecast and "loss" not in self._hidden:
            self._curve("loss", column)
        else:
            self._ladder(column, name, "values")
        self._place = place

    def panel(self) -> None:
        """What the chapter has besides: a dozen seeds, or the atlas."""
        if not self._embedded:
            self._panel = panel_of(self.session, st.container(key="panel"))
            self._parts.append(_Part(self._draw_panel, "panel", _CURVES_EVERY))

    def _columns(self, why: bool) -> list[DeltaGenerator]:
        """Places side by side: in a figure on a phone as well, for each is but one row high."""
        lanes = len(self.session.runs)
        if not self._embedded:
            return list(st.columns(3 if why and lanes > 1 else 2))
        with st.container(horizontal=True, gap="small", wrap=False):
            return [st.container() for _ in range(lanes)]

    def curves(self) -> None:
        """What went before: weights, flow and loss over the steps; and the chain."""
        session = self.session
        lanes = list(session.runs)
        self._place = "curves"
        with st.container(key="curves"):
            if len(lanes) > 1 and "ladder" not in self._hidden:
                for column, name in zip(st.columns(2), lanes, strict=True):
                    self._ladder(column, name, "values")
            left, right = st.columns(2)
            for part, column in (("flow", left), ("loss", right), ("chain", st.container())):
                if part not in self._hidden and part not in self._curves:
                    self._curve(part, column)
            with st.container():
                controls.look_back(session)

    def evidence(self) -> None:
        """The numbers behind the verdict, for who opens them."""
        if "verdict" in self._hidden:
            return
        evidence = st.expander("The numbers behind the verdict", key="evidence", on_change="rerun")
        self._evidence = Slot(evidence) if evidence.open else None

    def close(self) -> None:
        """All is in its place: from here on the address says where the run stands."""
        self._publisher = Publisher(self.session, self._carrier)
        # The controls have been asked: these are the runs that all of it is for.
        self._runs = self.session.runs
        self._asks = self.session.asks

    def _slot(self, key: str, text: str) -> Slot:
        """A place for a text; until there is a network to speak of, it says something else.

        Streamlit leaves out what is empty, and what comes below would move up.
        """
        slot = Slot(st.container(key=key))
        if self._is_blank:
            slot.draw("markdown", text)
        return slot

    def _ladder(self, column: DeltaGenerator, name: str, what: ladder.What) -> None:
        session = self.session
        title = session.view.of(what).capitalize()
        lane = story.lane_heading(session, name)
        if self._embedded:
            title, lane = "Gradients", lane and MARKS[name]
        layers = max(run.experiment.layers for run in session.runs.values())
        self._tall = (1 if self._embedded else layers) * _ROW + _AXIS
        text = f"{title} {lane}" if lane else title
        self._ladders[name, what] = self._titled(column, text, self._tall, _HELP[what])
        if what == "values":
            draw = partial(self._draw_ladder, name, what)
            self._parts.append(_Part(draw, self._place, _CURVES_EVERY))

    def _curve(self, part: str, column: DeltaGenerator) -> None:
        self._curves[part] = self._titled(column, _TITLES[part], self._height(part), _HELP[part])
        draw = partial(self._draw_curve, part)
        self._parts.append(_Part(draw, self._place, _CURVES_EVERY, quotes=part == "chain"))

    def _height(self, part: str) -> int:
        """Pixels: the chain has a row a factor, and in each a bar a network."""
        if part != "chain":
            return _LOW
        rows = 2 * max(run.experiment.layers for run in self.session.runs.values()) + 3
        return max(_LOW, _AXIS + rows * (_FACTOR * len(self.session.runs)))

    def _titled(self, column: DeltaGenerator, title: str, height: int, help_: str) -> Slot:
        """A slot for a chart under its title, which can explain itself."""
        column.header(title, anchor=False, help=help_)
        # A little more than the chart, so that no scroll bar comes and goes.
        return Slot(column.container(height=height + 16, border=False))

    def live(self) -> None:
        """Draw; then wait for TensorFlow, train and draw, until paused or the reader leaves."""
        session = self.session
        with pacer.answering:
            self._publisher.publish()
        just_opened = not session.begun and not session.moved_here
        moved = not session.begun or self._moves()
        self._wait_for_weights()
        if not session.begun:
            return
        self._catch_up()
        # A page just opened is laid out anew at once, and drawn whole then.
        self._draw(below=not just_opened or self._moves())
        garbage.collect()
        if self._moves():
            with metrics.training_session():
                self._play()
        if (moved or session.asks != self._asks) and self._may_go_on():
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
                self._progress.wait(share, f"{text}: {share:.0%}")
            self._advance()

    def _advance(self) -> Turn:
        """Wait for this reader's turn, and train for it."""
        turn = pacer.wait(session_id(), self._last_turn, self.session.workers[0].processes)
        self._last_turn = turn
        self.session.advance(turn)
        return turn

    def _play(self) -> None:
        """Frame after frame, each when the browser is ready for it, until paused or alone."""
        session = self.session
        while self._moves() and self._flow.wait(self._may_go_on):
            last, began = self._last_turn, time.monotonic()
            turn = pacer.wait(session_id(), last, session.workers[0].processes)
            if not self._may_go_on():
                break
            if session.replaying:
                session.replay_one()
            elif session.busy:
                session.advance(turn)
            metrics.frame(turn.at - last.at if last else 0.0, time.monotonic() - began)
            self._last_turn = turn
            with pacer.drawing:
                if session.announce():
                    self._publisher.publish()
                # After the last one the script runs anew, and draws all of it.
                self._frame(None if self._moves() else self._seen())

    def _may_go_on(self) -> bool:
        return self._goes_on() and not private.rerun_is_asked_for()

    def _moves(self) -> bool:
        """Whether there is anything to draw after this frame."""
        session = self.session
        if session.asks != self._asks:
            return False  # the buttons are to say something else
        panel_busy = self._panel is not None and self._panel.busy
        return session.busy or session.asks or session.replaying or panel_busy

    def _goes_on(self) -> bool:
        # A click can open other runs before the script that it brings about has a stage.
        mine = self.session.is_newest(self._script) and self.session.runs is self._runs
        return mine and reader_is_there()

    def _wait_for_weights(self) -> None:
        """Until TensorFlow stands, say what is waited for and for how long."""
        session = self.session
        if session.begun:
            return
        asking.tell(self._say_place)
        for pool in session.workers:
            while not pool.ready and pool.error is None:
                waited = pool.warming_seconds
                then = " Training begins by itself." if session.busy else ""
                self._progress.wait(
                    min(waited / WARM_UP_SECONDS, 0.99),
                    f"TensorFlow is starting: {waited:.0f} s, of about {WARM_UP_SECONDS} s.{then}",
                )
                if not self._goes_on():
                    return
                time.sleep(_WAITING)
            if pool.error is not None:
                self._progress.fail(f"Nothing can be trained at the moment: {pool.error}.")
                return
        session.begin()
        asking.tell(None)
        if session.error:
            self._progress.fail(f"Nothing can be trained at the moment: {session.error}.")

    def _say_place(self, before: int) -> None:
        """Say for how many others a reader waits whose network has to be compiled first."""
        place = f"{before:,} before it" if before else "it is next"
        self._progress.wait(0.0, f"This network waits to be compiled: {place}.")

    def _draw(self, below: bool = True) -> None:
        """Draw what the reader sees, and once that is shown what lies ``below`` it."""
        seen = self._seen(self._flow.away if self._flow.tells else _BELOW)
        with pacer.answering:
            self._frame(seen)
        rest = [part for part in self._parts if part not in seen]
        if below and rest:
            self._flow.settle(self._may_go_on)
            with pacer.answering:
                self._frame(rest)

    def _frame(self, parts: Sequence[_Part] | None = None) -> None:
        """Draw a frame: of these parts, or of what a browser can draw twenty times a second.

        The step is in every frame. With it come those parts that have waited longest, as many as
        the browser is quick for: a laptop takes ten milliseconds for a picture, a phone ten times
        as long. When words are due, all parts come that have figures of theirs, and between two
        such frames the figures stay, so that no two of them ever disagree. What the reader cannot
        see waits until the page rests.
        """
        session = self.session
        with session.lock, private.together():
            if session.runs is not self._runs:
                return
            now, clock = session.snapshots(), time.monotonic()
            parts = self._due(clock) if parts is None else parts
            self._had_words = self._words in parts
            if self._had_words:
                self._quoted = now
            for part in parts:
                part.due = clock + (max(part.every, _AGES * self._flow.age) if part.every else 0)
                part.draw(now)
            self._end_frame()

    def _seen(self, away: Container[str] | None = None) -> list[_Part]:
        """The parts of the page but those that lie ``away``, off the screen."""
        away = self._flow.away if away is None else away
        return [part for part in self._parts if part.place not in away]

    def _due(self, clock: float) -> list[_Part]:
        """The parts of this frame, of those that the reader sees."""
        seen = self._seen()
        quick = sum(self._flow.age < limit for limit in _QUICK)
        # A crowd's frames are as far apart as words: every other one is enough to read, and for
        # the lines of the network, which move least.
        overdue = self._words.due <= clock
        if overdue and not self._had_words:
            every_frame = quick == len(_QUICK)
            return [part for part in seen if part.quotes or (every_frame and not part.every)]
        waits = {"words", "network"} if overdue else {"words"}
        due = [part for part in seen if part.due <= clock and part.place not in waits]
        return sorted(due, key=lambda part: part.due)[:quick]

    def _draw_estimate(self, now: Now) -> None:
        if self._estimate is not None:
            self._estimate.chart(pictures.estimate_of(now), "stretch")

    def _draw_networks(self, now: Now) -> None:
        for name, slot in self._networks.items():
            picture = pictures.network_of(now[name], quoted=self._quoted.get(name))
            slot.chart(picture, "stretch")

    def _draw_gradients(self, now: Now) -> None:
        for name, what in self._ladders:
            if what == "gradients":
                self._draw_ladder(name, what, now)

    def _draw_ladder(self, name: str, what: ladder.What, now: Now) -> None:
        session = self.session
        histories = pictures.histories_of(session.runs)
        picture = pictures.ladder_of(histories, now, name, what, session.view, self._quoted)
        if self._embedded:
            picture = pictures.first_row(picture)
        self._ladders[name, what].chart(picture, self._tall)

    def _draw_curve(self, part: str, _: Now) -> None:
        session = self.session
        picture = pictures.CURVES[part](session.runs, session.end, session.shown)
        if part == "loss":
            picture = pictures.loss_of(
                pictures.histories_of(session.runs),
                session.end,
                session.shown,
                self._scene.marks if self._scene else None,
            )
        self._curves[part].chart(picture, self._height(part))

    def _draw_panel(self, _: Now) -> None:
        if self._panel is not None:
            self._panel.draw()

    def _draw_words(self, now: Now) -> None:
        session = self.session
        verdicts = {name: diagnose(run, session.look) for name, run in session.runs.items()}
        wakes_at = verdicts[FIRST].wakes_at
        if wakes_at is not None and session.can_foretell:
            session.foretell(wakes_at)
        scene = self._scene = Scene(session, now, verdicts)
        for phase, slot in self._texts.items():
            if phase == scene.phase:
                slot.draw("markdown", story.text(scene, short=self._embedded))
            else:
                slot.clear()
        if self._finding is not None:
            self._finding.draw("markdown", story.finding(scene))
        for name, slot in self._verdicts.items():
            slot.draw("markdown", story.verdict(scene, name))
        if self._evidence is not None:
            self._evidence.draw("markdown", story.evidence(session, verdicts))

    def _end_frame(self) -> None:
        session = self.session
        step, end = session.step, session.end
        text = f"Step {step:,} of {end:,}"
        if session.look is not None:
            text = f"Looking back at step {next(iter(session.snapshots().values())).step:,}"
        elif session.busy and session.steps_per_second:
            if not self._embedded:
                text += f" · {session.steps_per_second:,.0f} steps/s"
            text += f" · {_duration((end - step) / session.steps_per_second)} left"
        if session.error:
            text += f" · Training stopped: {session.error}. Press Train to try again."
        self._progress.end_frame(min(step / end, 1.0), text)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
