"""The widgets: what to train, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, get_args

import streamlit as st

from charts.pictures import Rows, View
from charts.theme import SECOND
from model.describe import LABELS, OPTIONS
from model.experiment import ABOUT, BOUNDS, Choice, Experiment, Real, Value, Whole
from model.link import VERSUS
from ui import story
from ui.link import touched, was_touched
from ui.scene import MARKS
from ui.session import SPEEDS, Session, this_session

# How the first weights and biases are drawn, in words.
_TINY: dict[str, Value] = {
    "weights": "normal",
    "weight_scale": 1e-3,
    "bias": "normal",
    "bias_scale": 1e-3,
}
STARTS: Mapping[str, Mapping[str, Value]] = {
    "tiny: N(0, 0.001), the question’s": _TINY,
    "just right: Xavier, biases 0.1, the answer’s": _TINY
    | {"weights": "xavier_uniform", "bias": "constant", "bias_scale": 0.1},
    "Xavier": _TINY | {"weights": "xavier_uniform"},
    "He": _TINY | {"weights": "he_uniform"},
    "too large: N(0, 1)": _TINY | {"weight_scale": 1.0, "bias_scale": 1.0},
}
OWN = "my own …"

# What two lanes have in common, so that they see the same inputs for the same time.
_SHARED = ("steps", "seed")

_DEPTHS = ("2", "3", "more")

# How far a click on plus or minus goes.
_STEPS: Mapping[str, int | float] = {"steps": 10_000, "learning_rate": 1e-3, "weight_scale": 1e-3}

_ERROR = "control error"


def show(session: Session) -> None:
    """One row: depth, first weights, Train; and all the rest behind one button."""
    _fill(session)
    with st.container(key="controls", horizontal=True, vertical_alignment="center", gap="small"):
        if "controls" not in session.link.hide:
            st.segmented_control(
                "Layers",
                _DEPTHS,
                format_func=lambda depth: "2 layers" if depth == "2" else depth,
                key="layers",
                required=True,
                on_change=_depth_changed,
                label_visibility="collapsed",
            )
            st.selectbox(
                "First weights",
                [*STARTS, OWN],
                key="start",
                on_change=_start_changed,
                label_visibility="collapsed",
                width="stretch",
            )
        _train(session)
        if "controls" not in session.link.hide:
            _change(session)


def _train(session: Session) -> None:
    """Train or Pause; where the run is over, what comes next, and the same once more."""
    if session.over:
        label, chapter = story.next_step(session)
        _button("next", lambda s: story.open_chapter(s, chapter), label, type="primary")
        # In a place of its own: a button that made room for the other would be seen to jump.
        with st.container(key="again", width="content"):
            _button("train", Session.again, "Again", shortcut="t", help="From the beginning")
    elif session.asks:
        _button("train", Session.play, "Let’s see", type="primary", shortcut="t")
    elif session.playing:
        _button("train", Session.pause, "Pause", type="primary", shortcut="t")
    else:
        _button("train", Session.play, "Train", type="primary", shortcut="t")


def _change(session: Session) -> None:
    """Everything else."""
    # What is in it is only made, and sent, once it has been opened.
    with st.popover("Change …", key="change", on_change="rerun") as change:
        if not change.open:
            return
        with st.container(horizontal=True, gap="small"):
            for key, act, label, help_ in _ACTS:
                _button(key, act, label, help=help_, disabled=key == "step" and session.over)
        speed(session)
        _view(session)
        for name in BOUNDS:
            _field(name, "", "stretch")
        if session.link.versus is not None:
            st.markdown(f"**The second network** {MARKS[SECOND]}")
            for name in BOUNDS:
                if name not in _SHARED:
                    _field(name, VERSUS, "stretch")


_ACTS: tuple[tuple[str, Callable[[Session], None], str, str], ...] = (
    ("step", Session.step_once, "Step", "Train one step"),
    ("reset", Session.reset, "Reset", "Back to step 0, with the same initial weights"),
    ("new_seed", Session.new_seed, "New seed", "Other initial weights and other inputs"),
)


def complaints(session: Session) -> None:
    """What could not be read from the link, or cannot be trained, if anything."""
    # Always the same one element, there or not: what comes below keeps its place.
    place = st.container()
    if session.link.messages:
        lines = "".join(f"\n- {_plain(message)}" for message in session.link.messages)
        place.warning(f"Part of the link could not be read, and was left out:{lines}")
    elif message := st.session_state.pop(_ERROR, None):
        place.warning(_plain(message))


def _plain(text: str) -> str:
    """Text of a stranger's, with nothing in it that Markdown would take for its own."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~:$&])", r"\\\1", text)


def _button(key: str, act: Callable[[Session], None], label: str, **settings: Any) -> None:
    """A button that makes the session act."""
    clicked = st.button(label, key=key, on_click=_act, args=(act,), **settings)
    if clicked and not was_touched():
        act(this_session())
        st.rerun()


def speed(session: Session) -> None:
    """Steps a frame."""
    st.session_state["speed"] = session.speed
    st.select_slider(
        "Steps a frame",
        SPEEDS,
        format_func=lambda n: f"{n:,}",
        key="speed",
        on_change=_speed_changed,
        help="How many steps are trained between two pictures, of which there are up to 20 "
        "a second",
    )


def look_back(session: Session) -> None:
    """A slider over the remembered steps, and a button that plays them again."""
    steps = session.remembered() or [0]
    # A slider needs two places to go to.
    options = steps if len(steps) > 1 else [*steps, session.end]
    shown = session.step if session.look is None else session.look
    st.session_state["look"] = min(options, key=lambda step: abs(step - shown))
    resting = not session.playing and len(steps) > 1
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button(
            "Stop" if session.replaying else "Replay",
            key="replay",
            disabled=not resting,
            on_click=_act,
            args=(Session.pause if session.replaying else Session.replay,),
            help="Show the remembered steps one after the other",
        )
        st.select_slider(
            "Look back at step",
            options,
            format_func=lambda step: f"{step:,}",
            key="look",
            disabled=not resting,
            on_change=_looked,
            help="The run remembers up to 101 of its steps; all pictures and figures move along",
        )


def _view(session: Session) -> None:
    view = session.view
    state = st.session_state
    state["view rows"], state["view weights"] = view.rows, view.weights
    state["view gradients"] = view.gradients
    state["view over time"] = view.over_time
    state["compare"] = session.link.versus is not None
    once: dict[str, Any] = {"required": True, "on_change": _view_changed}
    st.segmented_control(
        "Show",
        get_args(Rows),
        key="view rows",
        help="Outputs are what each layer answers to the inputs: the signal on its way forward, "
        "beside the gradient on its way back.",
        **once,
    )
    axes = ("linear", "log")
    st.segmented_control("Axis of the values", axes, key="view weights", **once)
    st.segmented_control("Axis of the gradients", axes, key="view gradients", **once)
    st.toggle("Over time", key="view over time", on_change=_view_changed)
    st.toggle(
        "Compare with a second network",
        key="compare",
        on_change=_compare_toggled,
        help="From the same seed and on the same inputs, trained in step",
    )


def _field(name: str, prefix: str, width: int | str) -> None:
    """The widget of one field, as its bound has it."""
    bound = BOUNDS[name]
    settings: dict[str, Any] = {
        "label": LABELS[name],
        "key": _key(name, prefix),
        "on_change": _field_changed,
        "help": f"{ABOUT[name]} It is {bound}.",
        "width": width,
    }
    if isinstance(bound, Choice):
        st.selectbox(options=bound.options, format_func=lambda o: OPTIONS[o], **settings)
    elif isinstance(bound, Whole):
        st.number_input(
            min_value=bound.low,
            max_value=bound.high,
            step=int(_STEPS.get(name, 1)),
            **settings,
        )
    elif isinstance(bound, Real):
        # No lower bound for the browser where 0 is allowed besides: the experiment checks.
        st.number_input(
            min_value=0.0 if bound.or_zero else float(bound.low),
            max_value=float(bound.high),
            step=float(_STEPS.get(name, 0.1)),
            format="%g",
            **settings,
        )


def _key(name: str, prefix: str) -> str:
    """The key of a field's widget; ``layers`` is that of the row's own."""
    return f"set {prefix}{name}"


def _fill(session: Session) -> None:
    """Set every widget to what the session shows."""
    state = st.session_state
    experiment = session.link.experiment
    state["layers"] = str(experiment.layers) if experiment.layers <= 3 else "more"
    state["start"] = next((start for start in STARTS if _begins(experiment, start)), OWN)
    _put(session.link.experiment, "")
    if session.link.versus is not None:
        _put(session.link.versus, VERSUS)


def _begins(experiment: Experiment, start: str) -> bool:
    """Whether the experiment's first weights are drawn as ``start`` says."""
    wanted = dict(STARTS[start])
    if wanted["weights"] != "normal":
        del wanted["weight_scale"]  # it is for N(0, σ) alone
    return all(getattr(experiment, name) == value for name, value in wanted.items())


def _put(experiment: Experiment, prefix: str) -> None:
    for name, value in asdict(experiment).items():
        st.session_state[_key(name, prefix)] = value


def _taken(base: Experiment, prefix: str) -> Experiment:
    """The experiment that the widgets show; a widget that is not on the page changes nothing."""
    values: dict[str, Value] = asdict(base)
    for name in values:
        shown = st.session_state.get(_key(name, prefix))
        if shown is not None:
            values[name] = shown
    return Experiment(**values)  # type: ignore[arg-type]


def _field_changed() -> None:
    touched()
    session = this_session()
    link = session.link
    try:
        first = _taken(link.experiment, "")
        second = None
        if link.versus is not None:
            second = _taken(link.versus, VERSUS)
            second = replace(second, **{name: getattr(first, name) for name in _SHARED})
    except ValueError as error:
        st.session_state[_ERROR] = f"That cannot be trained: {error}. Nothing was changed."
        return
    session.change(first, second)


def _depth_changed() -> None:
    choice = st.session_state["layers"]
    if choice is None:  # taken away
        return
    # "more" is where the page goes on from: the reader sets the number under Change.
    st.session_state[_key("layers", "")] = 4 if choice == "more" else int(choice)
    if choice == "more":
        st.session_state["change"] = True
    _field_changed()


def _start_changed() -> None:
    chosen = STARTS.get(st.session_state["start"])
    if chosen is None:
        # "My own", or what a stranger sent. Nothing is another yet: the reader says what, in the
        # fields that open.
        touched()
        st.session_state["change"] = True
        return
    for name, value in chosen.items():
        st.session_state[_key(name, "")] = value
    _field_changed()


def _act(act: Callable[[Session], None]) -> None:
    touched()
    act(this_session())


def _looked() -> None:
    touched()
    this_session().look_back(st.session_state["look"])


def _view_changed() -> None:
    touched()
    state = st.session_state
    this_session().view = View(
        rows=state["view rows"],
        weights=state["view weights"],
        gradients=state["view gradients"],
        over_time=state["view over time"],
    )


def _compare_toggled() -> None:
    touched()
    this_session().compare(st.session_state["compare"])


def _speed_changed() -> None:
    touched()
    this_session().speed = st.session_state["speed"]
