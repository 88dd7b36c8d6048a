"""The page as a whole: it stands, whatever the link says and whoever turns its knobs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from live.pacer import Turn
from model import Experiment
from model import workers as rooms
from model.chapters import CHAPTERS
from model.describe import LABELS
from model.experiment import BOUNDS, Choice
from model.link import HIDEABLE, VERSUS
from model.workers import Workers
from ui.session import FIRST, SECOND, Session

APP = Path(__file__).parents[2] / "app.py"

# Only a page that hangs takes as long.
PATIENCE = 120


def page(query: str = "") -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        at.query_params[name] = value
    return at.run()


def opened(at: AppTest) -> AppTest:
    """The page with everything that stands behind Change."""
    at.session_state["change"] = True
    return at.run()


def session_of(at: AppTest) -> Session:
    session: Session = at.session_state["session"]
    return session


def texts(at: AppTest) -> str:
    """All the words of the page."""
    kinds = ("markdown", "caption", "warning", "error", "info")
    return "\n".join(element.value for kind in kinds for element in at.get(kind))


def progress_of(at: AppTest) -> str:
    """The bar of the run, as HTML."""
    bodies = [element.proto.body for element in at.get("html")]
    return next(body for body in bodies if "progressbar" in body)


def specs(at: AppTest) -> list[str]:
    return [chart.proto.spec for chart in at.get("vega_lite_chart")]


def assert_stands(at: AppTest) -> None:
    assert not at.exception, at.exception
    assert at.button(key="train").label in ("Train", "Pause", "Again")


@pytest.fixture
def other_pool() -> Iterator[list[Workers]]:
    """A place for workers of a test's own, in place of the shared ones."""
    shared, own = rooms._pools.get("training"), []
    yield own
    for pool in own:
        pool.close()
    if shared is not None:
        rooms._pools["training"] = shared
    else:
        rooms._pools.pop("training", None)


def test_the_page_stands_before_tensorflow_does(
    other_pool: list[Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Workers(1, warm_up=never)
    other_pool.append(pool)
    rooms._pools["training"] = pool
    # A reader who leaves at the first thing that has to be waited for.
    monkeypatch.setattr("ui.stage.reader_is_there", lambda: False)
    at = page("layers=3")
    assert_stands(at)
    assert not session_of(at).begun
    assert at.button_group(key="layers").value == "3"
    assert "Press **Train**" in texts(at)
    assert "Not trained yet" in texts(at)
    waiting = progress_of(at)
    assert "TensorFlow is starting" in waiting
    assert f"of about {rooms.WARM_UP_SECONDS} s" in waiting
    assert "data-waits" in waiting  # the first picture gives way


def never() -> None:
    """A warm-up that takes longer than any test."""
    time.sleep(3 * PATIENCE)


def test_workers_that_cannot_start_are_named_on_the_page(other_pool: list[Workers]) -> None:
    pool = Workers(1, warm_up=os.kill)  # type: ignore[arg-type]  # raises: it lacks arguments
    other_pool.append(pool)
    rooms._pools["training"] = pool
    while pool.error is None:
        time.sleep(0.05)
    at = page()
    assert_stands(at)
    assert "the worker did not start" in texts(at).replace("\\", "")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_opens_from_its_link_and_from_its_pill(pool: Workers, chapter: str) -> None:
    linked = page(f"chapter={chapter}")
    assert_stands(linked)
    assert specs(linked)
    clicked = page()
    clicked.button_group(key="chapter").set_value(chapter).run()
    assert_stands(clicked)
    assert session_of(clicked).link == session_of(linked).link
    assert session_of(clicked).link.experiment == CHAPTERS[chapter].first
    # The panels of two chapters are drawn with what has been computed by then.
    assert len(specs(clicked)) == len(specs(linked))


@pytest.mark.parametrize(
    "query",
    ["", "layers=3", "chapter=why", "layers=8&width=64&step=300", "vs.layers=4&step=50"],
)
def test_no_chart_is_another_one_in_the_next_run_of_the_script(pool: Workers, query: str) -> None:
    at = page(query)
    before = specs(at)
    assert len(before) >= 6
    assert specs(at.run()) == before
    session = session_of(at)
    session.play()
    for _ in range(3):
        session.advance(Turn(0.0, 0.02))
    session.pause()
    # Later in the run the data are others, and the specs the same.
    datasets = [str(chart.proto.datasets) for chart in at.get("vega_lite_chart")]
    assert specs(at.run()) == before
    assert [str(chart.proto.datasets) for chart in at.get("vega_lite_chart")] != datasets
    for spec in before:
        assert "datasets" not in json.loads(spec)


@pytest.mark.parametrize("prefix", ["", VERSUS])
@pytest.mark.parametrize("name", BOUNDS)
def test_every_field_has_a_control_with_its_bounds(pool: Workers, name: str, prefix: str) -> None:
    if prefix and name in ("steps", "seed"):
        pytest.skip("both lanes go equally far, on the same inputs")
    at = opened(page("chapter=why"))
    bound = BOUNDS[name]
    if isinstance(bound, Choice):
        choice = at.selectbox(key=f"set {prefix}{name}")
        assert choice.label == LABELS[name]
        assert len(choice.options) == len(bound.options)
    else:
        number = at.number_input(key=f"set {prefix}{name}")
        assert number.label == LABELS[name]
        assert number.proto.max == bound.high


@pytest.mark.parametrize("name", BOUNDS)
def test_a_control_changes_its_field_and_no_other(pool: Workers, name: str) -> None:
    at = opened(page("layers=2"))
    bound = BOUNDS[name]
    if isinstance(bound, Choice):
        at.selectbox(key=f"set {name}").set_value(bound.options[-1]).run()
        value: Any = bound.options[-1]
    else:
        value = bound.high
        at.number_input(key=f"set {name}").set_value(value).run()
    assert_stands(at)
    assert session_of(at).link.experiment == Experiment(**{name: value})


@pytest.mark.parametrize(("pill", "layers"), [("2", 2), ("3", 3), ("more", 4)])
def test_the_depth_is_one_click_away(pool: Workers, pill: str, layers: int) -> None:
    at = page("layers=5")
    at.button_group(key="layers").set_value(pill).run()
    assert_stands(at)
    # "more" is already where the page stands when it has five.
    assert session_of(at).link.experiment.layers == (5 if pill == "more" else layers)


def test_a_value_between_off_and_the_least_is_refused_by_name(pool: Workers) -> None:
    at = opened(page("layers=3"))
    at.number_input(key="set clip").set_value(1e-9).run()
    assert_stands(at)
    said = texts(at).replace("\\", "")
    assert "clip must be 0 (off), or a number from 1e-06 to 1e+06, not 1e-09" in said
    assert session_of(at).link.experiment == Experiment(layers=3)
    assert at.number_input(key="set clip").value == 4.5


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("layers=99", "layers must be a whole number from 2 to 8, not “99”"),
        ("learning_rate=fast", "learning_rate must be a number"),
        ("vs.width=-1", "vs.width must be"),
        ("chapter=nowhere", "chapter must be one of"),
        ("hide=everything", "hide takes"),
        ("colour=red", "“colour” is not a setting"),
        ("seed=<script>alert(1)</script>", "seed must be"),
        ("step=1e9", "step must be"),
    ],
)
def test_what_a_link_says_wrongly_is_named_and_the_page_stands(
    pool: Workers, query: str, said: str
) -> None:
    at = page("layers=3&" + query if not query.startswith("layers") else query)
    assert_stands(at)
    assert said in texts(at).replace("\\", "")


def test_a_message_about_a_link_cannot_bring_markup_onto_the_page(pool: Workers) -> None:
    at = page("seed=:red[**bold**](http://example.org)$x$")
    shown = "\n".join(element.value for kind in ("caption", "warning") for element in at.get(kind))
    assert "\\*\\*bold" in shown
    assert "\\[" in shown


@pytest.mark.parametrize(
    "hide",
    HIDEABLE,
)
def test_a_lesson_can_leave_any_part_out(pool: Workers, hide: str) -> None:
    whole, lesson = page("chapter=why"), page(f"chapter=why&hide={hide}")
    assert not lesson.exception

    def parts(at: AppTest) -> int:
        return len(list(at.main)) and sum(
            len(at.get(kind))
            for kind in ("markdown", "vega_lite_chart", "selectbox", "button_group", "expander")
        )

    assert parts(lesson) < parts(whole)


def test_buttons_train_step_reset_and_draw_anew(pool: Workers) -> None:
    at = opened(page("layers=3&steps=500"))
    initial = session_of(at).run.state.parameters.copy()
    at.button(key="step").click().run()
    assert session_of(at).step == 1
    at.button(key="train").click().run()
    assert (session_of(at).step, at.button(key="train").label) == (500, "Again")
    at.button(key="reset").click().run()
    assert (session_of(at).step, at.button(key="train").label) == (0, "Train")
    assert (session_of(at).run.state.parameters == initial).all()
    at.button(key="new_seed").click().run()
    assert session_of(at).link.experiment == Experiment(layers=3, steps=500, seed=1)
    assert_stands(at)


def test_looking_back_moves_the_figures_of_the_page(pool: Workers) -> None:
    at = page("chapter=learns&step=900")
    session = session_of(at)
    assert session.step == 900
    step = session.remembered()[10]
    at.select_slider(key="look").set_value(step).run()
    assert_stands(at)
    assert f"Looking back at step {step:,}" in progress_of(at)
    assert "of 2.00" in texts(at)


def test_a_second_network_comes_and_goes_with_its_switch(pool: Workers) -> None:
    at = opened(page("layers=3"))
    charts = len(specs(at))
    at.toggle(key="compare").set_value(True).run()
    assert_stands(at)
    assert list(session_of(at).runs) == [FIRST, SECOND]
    assert len(specs(at)) == charts + 3
    at.toggle(key="compare").set_value(False).run()
    assert len(specs(at)) == charts


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("view rows", "biases"),
        ("view rows", "outputs"),
        ("view weights", "log"),
        ("view gradients", "linear"),
    ],
)
def test_every_view_can_be_drawn(pool: Workers, key: str, value: str) -> None:
    at = opened(page("vs.layers=4&step=20"))
    at.button_group(key=key).set_value(value).run()
    assert_stands(at)
    at.toggle(key="view over time").set_value(True).run()
    assert_stands(at)


def test_a_diverged_run_stays_on_screen_with_its_step_and_tensor(pool: Workers) -> None:
    at = page("layers=8&weights=xavier_uniform&optimizer=adam&learning_rate=10&clip=0")
    at.button(key="train").click().run()
    session = session_of(at)
    assert session.run.status == "diverged"
    assert_stands(at)
    assert f"at step {session.step:,}" in texts(at)
    assert str(session.run.diverged) in texts(at)
    assert at.button(key="next").label
    opened(at).button(key="reset").click().run()
    assert at.button(key="train").label == "Train"


def test_the_process_of_the_page_never_loads_tensorflow() -> None:
    # In a process of its own: the tests of the model bring TensorFlow into this one.
    import subprocess

    code = f"""
import sys, time
from streamlit.testing.v1 import AppTest
at = AppTest.from_file({str(APP)!r}, default_timeout={PATIENCE}).run()
session = at.session_state["session"]
while not all(pool.ready for pool in session.workers):
    time.sleep(0.1)
for chapter in ("why", "half", "atlas"):
    at.query_params["chapter"] = chapter
    at.run()
    assert not at.exception, at.exception
assert session.begun
roots = {{name.partition(".")[0] for name in sys.modules}}
print(sorted(roots & {{"tensorflow", "keras", "tensorboard"}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=APP.parent,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.stdout.strip().endswith("[]"), done.stderr[-3000:]
