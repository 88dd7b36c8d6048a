"""The story: title and chapters, what is said and asked, and what a run's end leads to.

What each chapter says is in ``ui/texts.py``; here is how, when and where it is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import log
from typing import Any, get_args

import streamlit as st

from model.atlas import Plan
from model.chapters import CHAPTERS
from model.describe import short, titles
from model.diagnosis import Diagnosis
from model.experiment import MOST_STEPS
from ui.link import touched
from ui.scene import MARKS, Phase, Scene
from ui.session import SPEEDS, Session, this_session
from ui.texts import FREE, STORIES, Guess, Story, law_of

# An icon that every font has, and the verdict in a word.
_VERDICTS: Mapping[str, str] = {
    "asleep": "☾ **Asleep.**",
    "waking": "◔ **Waking.**",
    "learning": "↗ **Learning.**",
    "learned": "✓ **Learned.**",
    "dead": "✕ **Dead.**",
    "exploding": "▲ **Exploding.**",
    "diverged": "▲ **Diverged.**",
}
PHASES: tuple[Phase, ...] = get_args(Phase)

# The initial scales of the atlas up to 1, where nothing sleeps any more.
_SCALES = tuple(scale for scale in Plan().scales if scale <= 1)

# Characters of a text in a figure.
_FIGURE = 130

_NOT_YET = "○ **Not trained yet.**"

# Of a network that sleeps only because it is young: nothing holds it back.
_FLAT = "○ **Flat so far.**"


def heading(session: Session) -> None:
    """The title, and the chapters as pills on one line."""
    with st.container(key="heading", horizontal=True, vertical_alignment="center", gap="small"):
        st.title("The middle layer", anchor=False, width="content")
        if "chapters" not in session.link.hide and not st.context.is_embedded:
            st.session_state["chapter"] = session.link.chapter
            st.pills(
                "Chapters",
                list(CHAPTERS),
                format_func=_pill,
                key="chapter",
                on_change=_chapter_chosen,
                label_visibility="collapsed",
                wrap=False,
            )


def _pill(key: str) -> str:
    return f"{list(CHAPTERS).index(key) + 1} {CHAPTERS[key].title}"


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


def story_of(session: Session) -> Story:
    """The chapter's story; one that holds for any experiment where the reader has left it."""
    chapter = session.link.chapter
    if chapter is None or session.has_left_chapter:
        return FREE
    return STORIES[chapter]


def text(scene: Scene, short: bool = False) -> str:
    """What is to be said now; as much as a figure has room for where there is room for no more."""
    story = story_of(scene.session)
    say = {"before": story.before, "during": story.during, "after": story.after}[scene.phase]
    words = say(scene)
    return (words.alone or _beginning(words.context)) if short else words.whole()


def _beginning(text: str) -> str:
    """As many whole sentences as there is room for in a figure, and one at least."""
    sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z*“])", text)
    kept = sentences[0]
    for sentence in sentences[1:]:
        if len(kept) + len(sentence) >= _FIGURE:
            break
        kept += f" {sentence}"
    return kept


def ask(session: Session) -> None:
    """What the chapter asks of the reader; or the way back to it, once it has been left."""
    if session.has_left_chapter:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("You changed this chapter.", width="content")
            if st.button("Back to it", key="back-to-chapter", type="tertiary", on_click=_go_back):
                st.rerun()
        return
    if session.link.chapter == "atlas":
        _ask_for_scale(session)
    guess = story_of(session).guess
    if guess is not None:
        _ask(session, guess)


def _ask(session: Session, guess: Guess) -> None:
    st.session_state["your-guess"] = session.guess
    settings: dict[str, Any] = {
        "key": "your-guess",
        "on_change": _guessed,
        "disabled": session.step > 0,
    }
    if guess.slider:
        # Before it is dragged, a slider stands somewhere all the same: in the middle.
        st.session_state["your-guess"] = guess.options[len(guess.options) // 2]
        if session.guess in guess.options:
            st.session_state["your-guess"] = session.guess
        st.select_slider(guess.prompt, guess.options, format_func=guess.name, **settings)
    else:
        st.segmented_control(guess.prompt, guess.options, format_func=guess.name, **settings)


def _ask_for_scale(session: Session) -> None:
    """The initial scale, to be dragged: the law answers at once, the run after it."""
    scale = session.link.experiment.weight_scale
    st.session_state["scale"] = min(_SCALES, key=lambda each: abs(log(each / scale)))
    st.select_slider(
        "First weights: N(0, σ), σ =",
        _SCALES,
        format_func=lambda each: f"{each:g}",
        key="scale",
        on_change=_scaled,
    )


def _scaled() -> None:
    touched()
    session = this_session()
    scale = st.session_state["scale"]
    asleep = replace(session.link.experiment, weight_scale=scale, bias_scale=scale)
    # Time enough for what the law says, and half as much again.
    steps = int(float(f"{min(max(1.5 * law_of(asleep), 2_000), MOST_STEPS):.1g}"))
    session.change(replace(asleep, steps=steps), None)
    session.speed = next(speed for speed in SPEEDS if speed >= steps / 100)


def next_step(session: Session) -> tuple[str, str]:
    """What there is to do after the end: its words, and the chapter that it opens."""
    chapter = session.link.chapter
    keys = list(CHAPTERS)
    if chapter is None or session.has_left_chapter:
        return ("Back to the chapter", chapter) if chapter else ("Begin the story", keys[0])
    following = keys[(keys.index(chapter) + 1) % len(keys)]
    return STORIES[chapter].next, following


def lane_title(session: Session, lane: str) -> str:
    """What a lane is called: by what tells it from the other one."""
    return titles({name: run.experiment for name, run in session.runs.items()})[lane]


def lane_heading(session: Session, lane: str) -> str:
    """What a lane is called, with the stroke that its lines are drawn in; empty if it is alone."""
    return f"{MARKS[lane]} {lane_title(session, lane)}" if len(session.runs) > 1 else ""


def finding(scene: Scene) -> str:
    """What is to be seen in the picture of the estimate."""
    alone = len(scene.now) == 1
    found = [("" if alone else f"{MARKS[lane]} ") + scene.answers(lane) for lane in scene.now]
    return f"**The estimate** {' · '.join(found)}"


def verdict(scene: Scene, lane: str) -> str:
    """One line: icon, word and a short sentence; the rest is in the evidence."""
    found, now = scene.verdicts[lane], scene.now[lane]
    if now.step == 0 and found.verdict != "diverged":
        return not_yet(scene.session, lane)
    word = _FLAT if found.word == "Flat so far" else _VERDICTS[found.verdict]
    return f"{_lead(scene.session, lane)}{word} {scene.because(lane)}"


def not_yet(session: Session, lane: str) -> str:
    """What is said in a verdict's place before there is any."""
    return _lead(session, lane) + _NOT_YET


def _lead(session: Session, lane: str) -> str:
    name = lane_heading(session, lane)
    return f"{name}: " if name else ""


def evidence(session: Session, verdicts: Mapping[str, Diagnosis]) -> str:
    """The claims of each lane's verdict and their numbers, as a table in Markdown."""
    tables = []
    for lane, found in verdicts.items():
        rows = "".join(f"| {claim} | {short(number)} |\n" for claim, number in found.evidence)
        name = lane_title(session, lane) if len(verdicts) > 1 else found.verdict
        # The whole sentence, of which the page shows the short one.
        tables.append(f"{found.sentence}\n\n| {name} | |\n|:--|--:|\n{rows}")
    return "\n\n".join(tables)


def _chapter_chosen() -> None:
    touched()
    key = st.session_state["chapter"]
    session = this_session()
    # A pill that is clicked again would be none: the chapter begins anew.
    open_chapter(session, key or session.link.chapter or next(iter(CHAPTERS)))


def _go_back() -> None:
    touched()
    session = this_session()
    if session.link.chapter is not None:
        open_chapter(session, session.link.chapter)


def _guessed() -> None:
    touched()
    this_session().guess = st.session_state["your-guess"]
