"""What can be said of the runs as they are drawn: every number is the run's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from charts.loss import Marks
from charts.theme import FIRST, SECOND
from model.chapters import CHAPTERS
from model.describe import short
from model.diagnosis import Diagnosis
from model.evidence import FLAT, IGNORANT, SPAN
from model.history import PROBE, Snapshot
from ui.session import Session

Phase = Literal["before", "during", "after"]

# The strokes that the two networks are drawn in.
MARKS: Mapping[str, str] = {FIRST: "━", SECOND: "┅"}


@dataclass(frozen=True)
class Scene:
    """What a chapter can quote: each lane as it is drawn, and its verdict."""

    session: Session
    now: Mapping[str, Snapshot]
    verdicts: Mapping[str, Diagnosis]

    @property
    def step(self) -> int:
        """The step that is drawn."""
        return max(snapshot.step for snapshot in self.now.values())

    @property
    def phase(self) -> Phase:
        """Whether the run is still to come, or goes on, or is over."""
        session = self.session
        if self.step == 0 and not session.playing:
            return "before"
        return "after" if session.over and session.look is None else "during"

    @property
    def steps(self) -> str:
        """The step that is drawn, in words."""
        return f"{self.step:,} step" + ("" if self.step == 1 else "s")

    def moved(self, lane: str = FIRST) -> float:
        """How far the estimate moves over the inputs; not a number where it has become none."""
        with np.errstate(invalid="ignore"):
            return float(np.ptp(self.now[lane].estimate.astype(np.float64)))

    def span(self, lane: str = FIRST) -> str:
        """The same, of the 2 that it should."""
        moved = self.moved(lane)
        return f"{large(moved)} of {SPAN:.2f}" if np.isfinite(moved) else "more than can be said"

    def is_flat(self, lane: str = FIRST) -> bool:
        """Whether all inputs get the same answer, as far as an eye can see."""
        return self.moved(lane) < FLAT * SPAN

    def answer(self, lane: str = FIRST) -> str:
        """The one answer of a flat network."""
        return f"{self.now[lane].answer:.2f}".replace("-0.00", "0.00").replace("-", "−")

    def answers(self, lane: str = FIRST) -> str:
        """The picture of the estimate in words; of two, there is room for what tells them apart."""
        if not np.isfinite(self.now[lane].estimate).all():
            return "is no number any more"
        if self.is_flat(lane):
            return f"flat at {self.answer(lane)}"
        return f"spans {self.span(lane) if len(self.now) == 1 else large(self.moved(lane))}"

    def pull(self, name: str = "W", lane: str = FIRST) -> float:
        """The size of a gradient: root mean square since the last picture."""
        return self.now[lane].rms[name]

    def gain(self, lane: str = FIRST) -> float:
        """How many times smaller its error is than that of a guess that ignores the input."""
        error = float(np.square(self.now[lane].estimate - PROBE, dtype=np.float64).mean())
        return IGNORANT / error if error > 0 else np.inf

    def woke(self, lane: str = FIRST) -> tuple[int, int] | None:
        """Between which two remembered steps the estimate came to span half of what it should."""
        history = self.session.runs[lane].history
        with np.errstate(invalid="ignore"):
            spans = np.ptp(history.estimates, axis=1)
        awake = np.flatnonzero(spans >= SPAN / 2)
        if not len(awake) or not awake[0]:
            return None
        return int(history.steps[awake[0] - 1]), int(history.steps[awake[0]])

    @property
    def marks(self) -> Marks | None:
        """What was said of the wake-up, in the chapter that waits for it."""
        chapter = self.session.link.chapter
        if chapter is None or not CHAPTERS[chapter].forecast or self.session.has_left_chapter:
            return None
        guess, forecast, woke = self.session.guess, self.session.forecast, self.woke()
        return Marks(
            guess if isinstance(guess, int) else None,
            forecast.wakes_at if forecast is not None else None,
            woke[1] if woke is not None else None,
        )

    def flat_until(self, lane: str = FIRST) -> int | None:
        """The last remembered step up to which the estimate was flat; None if it still is."""
        history = self.session.runs[lane].history
        with np.errstate(invalid="ignore"):
            moved = np.flatnonzero(np.ptp(history.estimates, axis=1) >= FLAT * SPAN)
        return int(history.steps[max(moved[0] - 1, 0)]) if len(moved) else None

    def roughness(self, lane: str = FIRST) -> float:
        """By what share the loss changes from one remembered step to the next: the median."""
        losses = self.session.runs[lane].history.mean_loss.astype(np.float64)
        losses = losses[len(losses) // 2 :]
        if len(losses) < 2:
            return 0.0
        return float(np.median(np.abs(losses[1:] / losses[:-1] - 1)))

    def because(self, lane: str) -> str:
        """What the verdict rests on, in one short sentence."""
        found, now = self.verdicts[lane], self.now[lane]
        match found.verdict:
            case "asleep" if found.word == "Flat so far":
                return f"It answers {self.answer(lane)} to every input."
            case "asleep":
                return self._asleep(lane)
            case "waking" if found.wakes_at is not None:
                early, guess, late = map(about, found.wakes_at)
                return f"Flat still, but growing: awake at about step {guess} ({early} to {late})."
            case "learning":
                return f"Its answers span {self.span(lane)}."
            case "learned":
                gain = self.gain(lane)
                return f"Its error is {times(gain)} smaller than that of a guess without input."
            case "dead":
                return "Nothing can change its answers any more, however long it trains."
            case "exploding":
                return f"Its error is {times(1 / self.gain(lane))} that of a guess without input."
            case "diverged":
                origin = self.session.runs[lane].diverged
                return f"A number became too large at step {now.step:,}, first in {origin}."
        return f"Its answers span {self.span(lane)}."

    def _asleep(self, lane: str) -> str:
        text = f"It always answers {self.answer(lane)}"
        first, last = (self.pull(name, lane) for name in ("W", self._last(lane)))
        if first == 0:
            return f"{text}; nothing pulls at the first layer."
        if last > first:
            return f"{text}; its first layer is pulled {times(last / first)} less than its last."
        return f"{text}."

    def _last(self, lane: str) -> str:
        return f"W{self.now[lane].experiment.layers - 1}"


def large(number: float) -> str:
    """A number with two decimals, or two digits where it is beyond all measure."""
    if number < 100:
        return f"{number:.2f}"
    return f"{number:,.0f}" if number < 1e5 else short(number)


def times(factor: float) -> str:
    """A factor in words."""
    if factor >= 1e6:
        return "over a million times"
    return f"{float(f'{factor:.2g}'):,.0f} times" if factor >= 10 else f"{factor:.1f} times"


def about(step: int) -> str:
    """A step to two digits: no forecast is better than that."""
    return f"{int(float(f'{step:.2g}')):,}"
