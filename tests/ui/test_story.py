"""What the chapters say: in every state a sentence, and every number in it is the run's own."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from charts.ladder import short
from model import PRESETS, Experiment, diagnose
from model.chapters import CHAPTERS
from model.link import Link
from model.workers import Workers
from ui import story
from ui.session import FIRST, SECOND, Session
from ui.story import Scene

# How far each chapter is taken: to the end, but for the one of a million steps.
LONG = 100_000


@pytest.fixture(scope="module")
def session_of(pool: Workers) -> object:
    @cache
    def opened(chapter: str | None, step: int, **fields: object) -> Session:
        setup = CHAPTERS.get(chapter or "")
        first = replace(setup.first if setup else Experiment(), **fields)  # type: ignore[arg-type]
        second = setup.second if setup else None
        if second is not None:
            second = replace(second, seed=first.seed, steps=first.steps)
        session = Session(Link(first, second, chapter=chapter), pool)
        for run in session.runs.values():
            run.advance(min(step, first.steps))
        return session

    return opened


def scene_of(session: Session) -> Scene:
    verdicts = {name: diagnose(run, session.look) for name, run in session.runs.items()}
    return Scene(session, session.snapshots(), verdicts)


def span_of(session: Session, lane: str = FIRST) -> str:
    """What the answers over [-1, 1] span, from the network and nothing else."""
    answers = session.runs[lane].estimate(np.linspace(-1, 1, 41))
    return f"{np.ptp(answers):.2f} of 2.00"


@pytest.mark.parametrize("step", [0, 500, LONG])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_speaks_in_its_runs_own_numbers(session_of, chapter: str, step: int) -> None:
    session = session_of(chapter, step)
    words = story.text(scene_of(session))
    assert len(words) > 80
    for number in re.findall(r"([\d.]+) of 2\.00", words):
        assert f"{number} of 2.00" in {span_of(session, lane) for lane in session.runs}
    for quoted in re.findall(r"[Aa]fter ([\d,]+) steps", words):
        assert quoted in {f"{session.step:,}", "10,000"}  # where the question stopped


@pytest.mark.parametrize(
    ("chapter", "lanes"),
    [("learns", 1), ("stops", 1), ("cure", 2), ("batch", 1), ("adam", 2)],
)
def test_a_chapter_quotes_each_of_its_networks(session_of, chapter: str, lanes: int) -> None:
    session = session_of(chapter, LONG)
    words = story.text(scene_of(session))
    for lane in (FIRST, SECOND)[:lanes]:
        assert span_of(session, lane) in words
    assert f"{session.step:,} steps" in words


def test_why_says_by_how_much_the_gradients_differ(session_of) -> None:
    session = session_of("why", 1_000)
    words = story.text(scene_of(session))
    two, three = (run.history.at(1_000).rms["W"] for run in session.runs.values())
    assert f"{short(two)} on the left, {short(three)} on the right" in words
    assert f"{two / three:,.0f} times less" in words
    assert two / three > 100


def test_patience_marks_the_step_at_which_the_network_woke(session_of) -> None:
    session = session_of("patience", 1_000_000)
    woke = story.woke_at(session)
    assert woke is not None
    history = session.run.history
    spans = [np.ptp(session.run.history.at(step).estimate) for step in history.steps]
    assert all(span < 1 for step, span in zip(history.steps, spans, strict=True) if step < woke)
    assert f"woke up at about step {woke:,}" in story.text(scene_of(session))
    early = story.text(scene_of(session_of("patience", 10_000)))
    assert "it sleeps" in early
    assert "woke" not in early


@pytest.mark.parametrize("chapter", [None, *CHAPTERS])
def test_a_run_that_diverges_is_spoken_of_without_nonsense(session_of, chapter: str | None) -> None:
    session = session_of(
        chapter,
        3_000,
        layers=8,
        weights="xavier_uniform",
        optimizer="adam",
        learning_rate=10,
        clip=0,
    )
    assert session.run.status == "diverged"
    words = story.text(scene_of(session))
    assert words
    assert not re.search(r"\b(nan|inf)\b", words)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_look_back_is_quoted_as_it_was(session_of, chapter: str) -> None:
    session = session_of(chapter, 2_000)
    session.look = int(session.run.history.steps[len(session.run.history) // 3])
    words = story.text(scene_of(session))
    quoted = set(re.findall(r"([\d.]+) of 2\.00", words))
    then = {f"{np.ptp(shown.estimate):.2f}" for shown in session.snapshots().values()}
    assert quoted <= then
    for step in re.findall(r"[Aa]fter ([\d,]+) steps", words):
        assert step in {f"{session.look:,}", "10,000"}
    session.look = None


def test_a_comparison_is_told_by_what_differs(pool: Workers) -> None:
    session = Session(Link(PRESETS["three_layers"], PRESETS["adam"]), pool)
    session.begin()
    assert story.text(scene_of(session)) == (
        "Left and right differ: on the right, optimizer Adam instead of SGD."
    )
    assert [story.lane_title(session, lane) for lane in (FIRST, SECOND)] == ["SGD", "Adam"]
