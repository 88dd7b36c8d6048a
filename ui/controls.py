"""The widgets: what to train, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from charts.pictures import View
from model.describe import LABELS, OPTIONS
from model.experiment import ABOUT, BOUNDS, Choice, Experiment, Real, Value, Whole
from model.link import VERSUS
from ui.link import touched, was_touched
from ui.session import SPEEDS, Session, this_session

# On the page at once; the rest stands under More.
_IN_VIEW = ("weights", "weight_scale", "bias", "bias_scale")

# What two lanes have in common, so that they see the same inputs for the same time.
_SHARED = ("steps", "seed")

_DEPTHS = ("2", "3", "more")

# How far a click on plus or minus goes.
_STEPS: Mapping[str, int | float] = {"steps": 10_000, "learning_rate": 1e-3, "weight_scale": 1e-3}

_ERROR = "control error"


def show(session: Session) -> None:
    """All controls, filled from the session."""
    _fill(session)
    if "controls" in session.link.hide:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.segmented_control(
            "Layers",
            _DEPTHS,
            key="depth",
            required=True,
            on_change=_depth_changed,
            help=ABOUT["layers"],
        )
        for name in _IN_VIEW:
            _field(name, "", 172 if name in ("weights", "bias") else 132)
        with st.popover("More", icon=":material/tune:"):
            for name in BOUNDS:
                if name not in _IN_VIEW:
                    _field(name, "", "stretch")
        if session.link.versus is not None:
            with st.popover("Compared with", icon=":material/compare_arrows:"):
                for name in BOUNDS:
                    if name not in _SHARED:
                        _field(name, VERSUS, "stretch")
        with st.popover("View", icon=":material/visibility:"):
            _view(session)


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


def buttons(session: Session) -> None:
    """Train or Pause, Step, Reset, New seed."""
    running = session.playing and not session.over
    _button(
        session,
        "train",
        "pause" if running else "play",
        "Pause" if running else "Train",
        type="primary",
        icon=":material/pause:" if running else ":material/play_arrow:",
        width=104,
        disabled=session.over,
        shortcut="t",
        help="Train the network, or pause",
    )
    _button(session, "step", "step_once", "Step", disabled=session.over, help="Train one step")
    _button(
        session, "reset", "reset", "Reset", help="Back to step 0, with the same initial weights"
    )
    _button(
        session, "new_seed", "new_seed", "New seed", help="Other initial weights and other inputs"
    )


def _button(session: Session, key: str, action: str, label: str, **settings: Any) -> None:
    """A button that makes the session act."""
    clicked = st.button(label, key=key, on_click=_act, args=(action,), **settings)
    if clicked and not was_touched():
        getattr(session, action)()
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
            icon=":material/pause:" if session.replaying else ":material/replay:",
            disabled=not resting,
            on_click=_act,
            args=("pause" if session.replaying else "replay",),
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
    state["view biases"] = "biases" if view.biases else "weights"
    state["view weights"], state["view gradients"] = view.weights, view.gradients
    state["view over time"] = view.over_time
    state["compare"] = session.link.versus is not None
    once: dict[str, Any] = {"required": True, "on_change": _view_changed}
    st.segmented_control("Show", ("weights", "biases"), key="view biases", **once)
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
        "key": prefix + name,
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


def _fill(session: Session) -> None:
    """Set every widget to what the session shows."""
    state = st.session_state
    layers = session.link.experiment.layers
    state["depth"] = str(layers) if layers <= 3 else "more"
    _put(session.link.experiment, "")
    if session.link.versus is not None:
        _put(session.link.versus, VERSUS)


def _put(experiment: Experiment, prefix: str) -> None:
    for name, value in asdict(experiment).items():
        st.session_state[prefix + name] = value


def _taken(base: Experiment, prefix: str) -> Experiment:
    """The experiment that the widgets show; a widget that is not on the page changes nothing."""
    values: dict[str, Value] = asdict(base)
    for name in values:
        shown = st.session_state.get(prefix + name)
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
    choice = st.session_state["depth"]
    if choice is None:  # taken away
        return
    # "more" is where the page goes on from: the reader sets the number under More.
    st.session_state["layers"] = 4 if choice == "more" else int(choice)
    _field_changed()


def _act(name: str) -> None:
    touched()
    getattr(this_session(), name)()


def _looked() -> None:
    touched()
    this_session().look_back(st.session_state["look"])


def _view_changed() -> None:
    touched()
    state = st.session_state
    this_session().view = View(
        biases=state["view biases"] == "biases",
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
