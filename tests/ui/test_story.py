"""What the page says: in every chapter and at every time a text, and each one is true.

Numbers are computed anew from the runs, and what is said without a number is held to several seeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from charts.theme import FIRST, SECOND
from model import PRESETS, Experiment, Run, diagnose
from model.chapters import CHAPTERS
from model.describe import short
from model.link import Link
from model.workers import Workers
from ui import story
from ui.scene import Scene, about, times
from ui.session import Session
from ui.texts import LONGEST, STORIES

SEEDS = (0, 1, 3)
STEPS = (0, 300, 10_000)

Opened = Callable[..., Session]

# Characters of a verdict with its network's name: two lines on a phone.
LONGEST_VERDICT = 115

# Characters of a figure's question: three lines in 340 pixels.
LONGEST_CAPTION = 115


@pytest.fixture(scope="module")
def session_of(pool: Workers) -> Opened:
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


def spans_of(session: Session) -> dict[str, float]:
    """What the answers over [-1, 1] span, from the networks and nothing else."""
    inputs = np.linspace(-1, 1, 41)
    answers = {name: run.estimate(inputs) for name, run in session.runs.items()}
    return {name: float(each.max()) - float(each.min()) for name, each in answers.items()}


def plain(text: str) -> str:
    """A text as it is read."""
    return re.sub(r"[*`]", "", text)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_text_fits_and_quotes_its_runs(
    session_of: Opened, chapter: str, step: int, seed: int
) -> None:
    session = session_of(chapter, step, seed=seed)
    scene = scene_of(session)
    words = plain(story.text(scene))
    assert 20 < len(words) <= LONGEST
    assert not re.search(r"\b(nan|inf)\b", words)
    spans = spans_of(session)
    for number in re.findall(r"([\d,.]+) of 2\.00", words):
        figures = {f"{span:.2f}" for span in spans.values()}
        assert number in figures | {f"{span:,.0f}" for span in spans.values() if span >= 100}
    for quoted in re.findall(r"After ([\d,]+) step", words):
        assert quoted == f"{session.step:,}"
    assert len(plain(story.text(scene, short=True))) <= LONGEST
    for lane in session.runs:
        assert len(plain(story.verdict(scene, lane))) <= LONGEST_VERDICT


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_before_training_there_is_no_verdict_and_a_question(
    session_of: Opened, chapter: str
) -> None:
    session = session_of(chapter, 0)
    scene = scene_of(session)
    assert re.search(r"\?|Train", story.text(scene)[-60:])
    # In somebody else's page nothing stands before it: what it is about, and the question.
    alone = plain(story.text(scene, short=True))
    assert re.search(r"(layer|unit|step)s?\b.*\?", alone)
    assert len(alone) <= LONGEST_CAPTION
    for lane in session.runs:
        assert story.verdict(scene, lane).endswith("**Not trained yet.**")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_leads_to_the_next_and_the_last_to_the_first(
    session_of: Opened, chapter: str
) -> None:
    keys = list(CHAPTERS)
    label, following = story.next_step(session_of(chapter, 0))
    assert following == keys[(keys.index(chapter) + 1) % len(keys)]
    assert label == STORIES[chapter].next


def test_a_changed_chapter_says_so_and_speaks_of_what_is_there(pool: Workers) -> None:
    chapter = CHAPTERS["stops"]
    for changed in (replace(chapter.first, layers=2), replace(chapter.first, weights="he_uniform")):
        session = Session(Link(changed, chapter="stops"), pool)
        session.begin()
        assert session.has_left_chapter
        assert "one more layer" not in story.text(scene_of(session))
        assert story.next_step(session) == ("Back to the chapter", "stops")
    same = Session(Link(replace(chapter.first, seed=7, steps=500), chapter="stops"), pool)
    assert not same.has_left_chapter


@pytest.mark.parametrize("seed", SEEDS)
def test_it_learns_was_flat_for_as_long_as_it_says(session_of: Opened, seed: int) -> None:
    session = session_of("learns", 10_000, seed=seed)
    flat = scene_of(session).flat_until()
    assert flat is not None
    assert f"flat for the first {about(flat)} steps" in story.text(scene_of(session))
    early = Run.at(replace(session.run.experiment), flat, session.run._engine)
    assert np.ptp(early.estimate(np.linspace(-1, 1, 41))) < 0.2
    assert flat > 1_000


@pytest.mark.parametrize("seed", SEEDS)
def test_one_more_layer_gives_one_answer_to_every_input(session_of: Opened, seed: int) -> None:
    session = session_of("stops", 10_000, seed=seed)
    words = story.text(scene_of(session))
    answers = session.run.estimate(np.linspace(-1, 1, 41))
    assert np.ptp(answers) < 0.01
    answer = f"{np.median(answers):.2f}".replace("-0.00", "0.00").replace("-", "−")
    assert f"one answer to every input**: {answer}" in words
    rms = session.run.history.at(10_000).rms
    assert times(rms["W2"] / rms["W"]) in words


@pytest.mark.parametrize("step", [300, 5_000, 10_000])
@pytest.mark.parametrize("seed", SEEDS)
def test_why_says_by_how_much_the_gradients_differ_and_who_gets_least(
    session_of: Opened, seed: int, step: int
) -> None:
    session = session_of("why", step, seed=seed)
    words = story.text(scene_of(session))
    two, three = (run.history.at(step).rms for run in session.runs.values())
    assert f"than with two: {short(three['W'])}, not {short(two['W'])}" in words
    assert f"**{times(two['W'] / three['W'])} less** reaches *W*" in words
    if step == 10_000:
        began = [run.history.at(0).rms["W"] for run in session.runs.values()]
        assert f"At the start it was {times(began[0] / began[1])} less" in words
        assert ("gets least" in words) == (three["W1"] < three["W"])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_weights_are_the_half_that_works(session_of: Opened, seed: int) -> None:
    session = session_of("half", 10_000, seed=seed)
    spans = spans_of(session)
    assert spans[FIRST] > 1.5
    assert spans[SECOND] < 0.1
    session.guess = "both"
    words = story.text(scene_of(session))
    assert "You said both: not so. **The weights do it alone**" in words
    session.guess = None


def test_xaviers_weights_are_hundreds_of_times_as_large(pool: Workers) -> None:
    for seed in SEEDS:
        tiny, cured = (
            Run.at(replace(PRESETS[name], seed=seed), 0, pool.advance).parameters
            for name in ("three_layers", "cure")
        )
        for name in ("W", "W1", "W2"):
            assert 100 < np.std(cured[name]) / np.std(tiny[name]) < 1_000


def test_too_large_blows_up_within_steps_on_most_seeds_and_the_clip_would_save_it(
    session_of: Opened, pool: Workers
) -> None:
    diverged = 0
    for seed in range(5):
        session = session_of("large", 1_000, seed=seed)
        words = story.text(scene_of(session))
        if session.run.status != "diverged":
            assert "too large" not in words
            continue
        diverged += 1
        assert session.step < 10
        assert f"It took {session.step:,} steps" in words
        assert short(session.run.history.at(0).rms["W"]) in words
        clipped = replace(CHAPTERS["large"].first, seed=seed, clip=4.5)
        assert Run.at(clipped, 1_000, pool.advance).status == "finished"
    assert diverged >= 4
    assert session_of("large", 1_000).run.status == "diverged"


@pytest.mark.parametrize("seed", [0, 1])
def test_patience_names_the_stretch_in_which_it_woke_and_marks_the_forecast(
    session_of: Opened, pool: Workers, seed: int
) -> None:
    session = session_of("patience", 1_000_000, seed=seed)
    woke = scene_of(session).woke()
    assert woke is not None
    for step, awake in zip(woke, (False, True), strict=True):
        network = Run.at(session.run.experiment, step, pool.advance)
        assert (np.ptp(network.estimate(np.linspace(-1, 1, 41))) >= 1) == awake
    session.guess = 300_000
    session.foretell((woke[0] - 10, woke[1], woke[1] + 10))
    words = story.text(scene_of(session))
    assert f"woke between steps {woke[0]:,} and {woke[1]:,}" in words
    assert "was a hit" in words
    assert "You said 300,000" in words
    session.foretell((1, 2, woke[0] - 1))
    assert "was a miss" in story.text(scene_of(session))
    session.guess = session.forecast = None


@pytest.mark.parametrize("seed", SEEDS)
def test_the_whole_batch_is_steadier_and_no_cure(
    session_of: Opened, pool: Workers, seed: int
) -> None:
    words = story.text(scene_of(session_of("batch", 10_000, seed=seed)))
    assert "Steadier, not further" in words
    spans = spans_of(session_of("batch", 10_000, seed=seed))
    assert abs(spans[FIRST] - spans[SECOND]) < 0.05
    tiny = Experiment(layers=3, objective="all", batch=64, seed=seed)
    network = Run.at(tiny, 10_000, pool.advance)
    assert np.ptp(network.estimate(np.linspace(-1, 1, 41))) < 0.01


def test_adam_learns_on_one_seed_and_kills_on_another(session_of: Opened) -> None:
    learns, dies = (session_of("adam", 10_000, seed=seed) for seed in (0, 3))
    assert "on some seeds Adam kills the network" in story.text(scene_of(learns))
    assert diagnose(dies.runs[SECOND]).verdict == "dead"
    assert "killed" in story.text(scene_of(dies))


@pytest.mark.parametrize("chapter", [None, *CHAPTERS])
def test_a_run_that_diverges_is_spoken_of_without_nonsense(
    session_of: Opened, chapter: str | None
) -> None:
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
    scene = scene_of(session)
    for words in (story.text(scene), story.finding(scene), story.verdict(scene, FIRST)):
        assert words
        assert not re.search(r"\b(nan|inf)\b", words)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_look_back_is_quoted_as_it_was(session_of: Opened, chapter: str) -> None:
    session = session_of(chapter, 2_000)
    session.look = int(session.run.history.steps[len(session.run.history) // 3])
    quoted = set(re.findall(r"([\d.]+) of 2\.00", story.text(scene_of(session))))
    then = {f"{np.ptp(shown.estimate):.2f}" for shown in session.snapshots().values()}
    assert quoted <= then
    session.look = None


def test_a_comparison_is_told_by_what_differs(pool: Workers) -> None:
    session = Session(Link(PRESETS["three_layers"], PRESETS["adam"]), pool)
    session.begin()
    assert "optimizer Adam instead of SGD" in story.text(scene_of(session))
    assert [story.lane_title(session, lane) for lane in (FIRST, SECOND)] == ["SGD", "Adam"]
