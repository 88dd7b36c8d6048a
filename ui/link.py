"""Keeps the address bar and the session in step: the link is the experiment."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from urllib.parse import urlencode

import streamlit as st

from charts.pictures import View
from live.address import Address
from live.carrier import Carrier
from live.private import went_back
from model.chapters import CHAPTERS
from model.experiment import MOST_STEPS
from model.link import parameters, read, write
from ui.session import SPEEDS, Session

# Set by the callback of every control that the reader touches.
_TOUCHED = "control touched"


def touched() -> None:
    """Note that the reader changed something on the page in this run of the script."""
    st.session_state[_TOUCHED] = True


def was_touched() -> bool:
    """Whether a control's callback brought about this run of the script.

    A click that reaches a server which does not know its session (the reader's own server went
    away) brings no callback: what it clicked is then only seen where the control is drawn.
    """
    return bool(st.session_state.get(_TOUCHED))


def open_session(carrier: Carrier) -> Session:
    """This reader's session, opened at what the link says."""
    state = st.session_state
    asked = read({name: st.query_params.get_all(name) for name in st.query_params})
    if not st.query_params:
        # Who asks for nothing gets the story, from its beginning.
        asked = read(f"chapter={next(iter(CHAPTERS))}")
    if "session" not in state:
        # A page just opened, or one whose own server has gone.
        state["session"] = Session(read(carrier.brought) if carrier.brought else asked)
        state["session"].moved_here = bool(carrier.brought)
        _look_again(state["session"], carrier.brought.partition("#")[2])
    elif went_back():
        state["session"].open(replace(asked, train=False))
    session: Session = state["session"]
    return session


class Publisher:
    """Writes the session's link to the address bar: now, and then as training goes on."""

    def __init__(self, session: Session, carrier: Carrier) -> None:
        self._session = session
        self._carrier = carrier
        self._address = Address(st.empty())

    def publish(self) -> None:
        """Write where the session stands, or is going to stand within the next second."""
        st.session_state[_TOUCHED] = False
        position = self._session.position()
        query = urlencode(parameters(position), safe=",.")
        self._address.write(query, write(replace(position, step=0, train=False)))
        self._carrier.load(f"{query}#{_looks(self._session)}")


def _looks(session: Session) -> str:
    """How the reader looks at the run: what no link says, and yet must not change by itself."""
    look = None if session.replaying else session.look
    return json.dumps({"look": look, "speed": session.speed, "view": asdict(session.view)})


def _look_again(session: Session, looks: str) -> None:
    """Look at the run as :func:`_looks` wrote; anything else leaves the look as it is."""
    try:
        found = json.loads(looks)
        look, speed, view = found["look"], found["speed"], View(**found["view"])
    except (KeyError, TypeError, ValueError):
        return
    remembered = look is None or (type(look) is int and 0 <= look <= MOST_STEPS)
    if remembered and speed in SPEEDS and view.is_sound:
        session.look, session.speed, session.view = look, speed, view
