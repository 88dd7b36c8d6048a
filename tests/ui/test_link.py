"""What a browser brings to a server that does not know it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from charts.pictures import View
from model.workers import Workers
from ui.session import SPEED, Session

APP = Path(__file__).parents[2] / "app.py"


def brought(text: str) -> AppTest:
    """A page whose own server has gone: all that is left is what the browser carries."""
    at = AppTest.from_file(str(APP), default_timeout=120)
    at.query_params["layers"] = "2"
    at.session_state["carried"] = text
    return at.run()


def session_of(at: AppTest) -> Session:
    assert not at.exception, at.exception
    session: Session = at.session_state["session"]
    return session


def test_a_page_goes_on_where_it_stood_and_looks_as_it_did(pool: Workers) -> None:
    at = brought("layers=3&step=20")
    first = session_of(at)
    first.look, first.speed, first.view = 7, 300, View(rows="biases", weights="log", over_time=True)
    at.run()
    second = session_of(brought(at.text_input(key="carried").proto.value))
    assert (second.link.experiment.layers, second.step) == (3, 20)
    assert (second.look, second.speed, second.view) == (first.look, first.speed, first.view)


@pytest.mark.parametrize(
    "looks",
    [
        "",
        "#",
        "#[]",
        "#{}",
        '#{"look": 7, "speed": 7, "view": {}}',
        '#{"look": 7, "speed": 10, "view": {"new": 1}}',
        '#{"look": "7", "speed": 10, "view": {}}',
        f'#{{"look": {10**30}, "speed": 10, "view": {{}}}}',
        '#{"look": 7, "speed": [10], "view": {}}',
        '#{"look": 7, "speed": 10, "view": {"weights": "cubic"}}',
        '#{"look": 7, "speed": 10, "view": {"biases": {}}}',
    ],
)
def test_what_the_page_does_not_write_is_left_out(pool: Workers, looks: str) -> None:
    session = session_of(brought(f"layers=3&step=20{looks}"))
    assert session.step == 20
    assert (session.look, session.speed, session.view) == (None, SPEED, View())
