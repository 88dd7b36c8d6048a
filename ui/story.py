"""The chapters: what each one sets up, and what it says, in the run's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from charts.theme import FIRST, SECOND
from model.chapters import CHAPTERS
from model.describe import differences, short, titles
from model.diagnosis import Diagnosis
from model.history import Snapshot
from ui.link import touched
from ui.session import Session, this_session


@dataclass(frozen=True)
class Scene:
    """What a chapter can quote: each lane as it is drawn, and its verdict."""

    session: Session
    now: Mapping[str, Snapshot]
    verdicts: Mapping[str, Diagnosis]

    def span(self, lane: str = FIRST) -> str:
        """How far the estimate moves over the inputs, of the 2 that it should."""
        estimate = self.now[lane].estimate
        return f"{estimate.max() - estimate.min():.2f} of 2.00"

    def gradient(self, lane: str = FIRST, name: str = "W") -> str:
        """The size of a gradient of late."""
        return short(self.now[lane].rms[name])


def _learns(s: Scene) -> str:
    return (
        "A small network is asked for the simplest thing: to **repeat the number it is given**. "
        "It starts from random weights near zero and has one layer of 16 units between input and "
        f"output. After {s.session.shown:,} steps its answers span **{s.span()}** they should. "
        "Press Train: they stay flat for some thousand steps, then it wakes up."
    )


def _stops(s: Scene) -> str:
    return (
        "The same network with **one more layer in its middle**. Whatever the input, it answers "
        f"one and the same number: after {s.session.shown:,} steps they span **{s.span()}**. "
        "Training goes on all the while. Look at how far left the gradients lie: these are the "
        f"changes that training asks for, and those of `W` are about {s.gradient()}."
    )


def _why(s: Scene) -> str:
    text = (
        "Side by side, from the same seed and on the same inputs: left two layers, right three. "
        "A **gradient** says how much the error would change if a weight changed; training moves "
        "each weight by a small part of it. On its way back to `W` it is multiplied by the "
        "weights of every later layer, and those begin at about 0.001. "
    )
    one, two = s.now[FIRST].rms["W"], s.now[SECOND].rms["W"]
    if two > 0:
        text += f"So of late `W` gets {short(one)} on the left, {short(two)} on the right: "
        text += f"**{one / two:,.0f} times less**." if one > two else "as much or more."
    return text


def _cure(s: Scene) -> str:
    return (
        "Three layers again. On the right, the weights start at a size chosen so that a signal "
        "neither dies nor grows from layer to layer (**Xavier**), and the biases at 0.1. After "
        f"{s.session.shown:,} steps the answers span {s.span()} on the left and "
        f"**{s.span(SECOND)}** on the right."
    )


def _half(s: Scene) -> str:
    return (
        "The cure has two parts. Which of them works? Below, a dozen seeds for each: the new "
        "**weights only**, the new **biases only**, and **both**. A dot is one network; its "
        "height is how much of the target's range its answers span."
    )


def _patience(s: Scene) -> str:
    verdict = s.verdicts[FIRST].verdict
    text = (
        "The question gave up after 10,000 steps. The network was **not dead, but asleep**: here "
        "it gets a million steps. "
    )
    woke = woke_at(s.session)
    if woke:
        return text + (
            f"It **woke up at about step {woke:,}**, and its answers now span {s.span()}."
        )
    if verdict in ("asleep", "waking"):
        return text + f"At step {s.session.shown:,} it sleeps: its answers span {s.span()}."
    return text


def _batch(s: Scene) -> str:
    return (
        "So far each step looked at one number. Here it looks at **64 numbers at once** and takes "
        "the mean of their errors: the full auto-encoder that the answer recommends. The gradient "
        f"is steadier; after {s.session.shown:,} steps the answers span **{s.span()}**."
    )


def _adam(s: Scene) -> str:
    return (
        "**Adam** divides each gradient by its own recent size, so that a small gradient moves a "
        "weight as far as a large one. The same three layers with the same tiny weights, with "
        f"plain steps on the left and Adam on the right: after {s.session.shown:,} steps the "
        f"answers span {s.span()} and **{s.span(SECOND)}**."
    )


def _atlas(s: Scene) -> str:
    return (
        "Every cell is a network: how deep it is, how large its weights are at first, and **at "
        "which step it woke up**. Each layer more multiplies the wait; so does every smaller "
        "start."
    )


GREETING = (
    "A small network learns to repeat the number it is given. Choose its depth and its initial "
    "weights, press **Train**, and see whether it learns, and if not, why not."
)

_TEXTS: Mapping[str, Callable[[Scene], str]] = {
    "learns": _learns,
    "stops": _stops,
    "why": _why,
    "cure": _cure,
    "half": _half,
    "patience": _patience,
    "batch": _batch,
    "adam": _adam,
    "atlas": _atlas,
}


def heading(session: Session) -> None:
    """The title, and the chapters as pills."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.subheader("The middle layer", anchor=False, width="content")
        if "chapters" not in session.link.hide:
            st.session_state["chapter"] = session.link.chapter
            st.pills(
                "Chapters",
                list(CHAPTERS),
                format_func=lambda key: CHAPTERS[key].title,
                key="chapter",
                on_change=_chapter_chosen,
                label_visibility="collapsed",
            )


def open_chapter(session: Session, key: str) -> None:
    """Set up a chapter's experiments, from the beginning."""
    chapter = CHAPTERS[key]
    session.open(
        replace(
            session.link,
            experiment=chapter.first,
            versus=chapter.second,
            chapter=key,
            step=0,
            train=False,
            messages=(),
        )
    )
    session.speed = chapter.speed


def lane_title(session: Session, lane: str) -> str:
    """What a lane is called: by what tells it from the other one."""
    return titles({name: run.experiment for name, run in session.runs.items()})[lane]


def evidence(session: Session, verdicts: Mapping[str, Diagnosis]) -> str:
    """The claims of each lane's verdict and their numbers, as a table in Markdown."""
    tables = []
    for lane, found in verdicts.items():
        rows = "".join(f"| {claim} | {short(number)} |\n" for claim, number in found.evidence)
        name = lane_title(session, lane) if len(verdicts) > 1 else found.verdict
        tables.append(f"| {name} | |\n|:--|--:|\n{rows}")
    return "\n\n".join(tables)


def text(scene: Scene) -> str:
    """What is to be said now."""
    chapter = scene.session.link.chapter
    if chapter is not None:
        return _TEXTS[chapter](scene)
    if SECOND in scene.now:
        first, second = (run.experiment for run in scene.session.runs.values())
        return f"Left and right differ: on the right, {differences(first, second)}."
    return GREETING


def woke_at(session: Session, lane: str = FIRST) -> int | None:
    """The first remembered step at which the estimate spanned half of what it should."""
    history = session.runs[lane].history
    spans = history.estimates.max(axis=1) - history.estimates.min(axis=1)
    awake = (spans >= 1).nonzero()[0]
    return int(history.steps[awake[0]]) if len(awake) and awake[0] else None


def _chapter_chosen() -> None:
    touched()
    key = st.session_state["chapter"]
    session = this_session()
    if key is None:
        session.link = replace(session.link, chapter=None)
    else:
        open_chapter(session, key)
