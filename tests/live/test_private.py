"""The first to fail when an upgrade of Streamlit changes what is not public."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.runtime import Runtime
from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.runtime.state.session_state import KeyIdMapper, SessionState
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_websocket import StarletteSessionClient

from harness.servers import ROOT

ROOMS = ("model", "charts", "live", "ui", "export", "serving")

# Streamlit's modules that are nobody's but its own, and attributes that begin with a line.
PRIVATE = re.compile(
    r"streamlit\.(runtime|proto|web|elements|delta_generator_singletons)\b"
    r"|\b_(enqueue|session_mgr|session_storage|browser_queue|send_queue|key_id_mapper)\b"
)


def sources() -> Iterator[Path]:
    yield from (ROOT / "app.py", ROOT / "server.py")
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")


def test_what_is_not_public_is_named_in_one_file_only() -> None:
    found = {
        str(path.relative_to(ROOT)): match[0]
        for path in sources()
        if (match := PRIVATE.search(path.read_text())) and path.name != "private.py"
    }
    assert found == {}


def test_each_private_thing_says_its_version_and_the_public_way() -> None:
    from live import private

    described = [
        thing
        for name, thing in vars(private).items()
        if getattr(thing, "__module__", "") == private.__name__ and not name.startswith("_")
    ]
    assert len(described) > 8
    for thing in described:
        text = inspect.getdoc(thing) or ""
        if thing is not private.reader_is_there:  # made of two others
            assert "Public way:" in text, thing
            assert "1.67" in text, thing


def test_streamlit_is_the_version_that_was_read() -> None:
    assert streamlit.__version__.startswith("1.67.")


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (Runtime, ["is_active_session"]),
        (
            ScriptRunContext,
            ["session_id", "script_requests", "is_history_navigation", "_enqueue", "enqueue"],
        ),
        (DeltaGenerator, ["_cursor", "_enqueue"]),
        (ScriptRunner, ["_maybe_handle_execution_control_request"]),
        (
            AppSession,
            ["_call_soon_on_event_loop", "_handle_scriptrunner_event_on_event_loop"],
        ),
        (WebsocketSessionManager, ["get_active_session_info"]),
        (SessionState, ["_key_id_mapper"]),
        (KeyIdMapper, ["get_id_from_key"]),
    ],
)
def test_what_is_asked_of_streamlit_is_there(owner: type, names: list[str]) -> None:
    known = {*dir(owner), *getattr(owner, "__dataclass_fields__", {})}
    known |= set(re.findall(r"self\.(\w+)\b", inspect.getsource(owner)))
    assert set(names) <= known


def test_the_queues_are_where_they_are_looked_for() -> None:
    assert ForwardMsgQueue()._queue == []
    assert "self._browser_queue = ForwardMsgQueue()" in inspect.getsource(AppSession)
    assert "self._send_queue" in inspect.getsource(StarletteSessionClient.write_forward_msg)
    assert MemorySessionStorage(ttl_seconds=1)._cache.expire() == []
    assert "self._session_storage" in inspect.getsource(WebsocketSessionManager)
    assert "self._session_mgr" in inspect.getsource(Runtime)


def test_a_run_that_nobody_interrupts_is_one_that_continues() -> None:
    assert ScriptRequests()._state is ScriptRequestType.CONTINUE


def captured() -> None:
    import streamlit as st

    from live import private

    place = private.Captured()
    place.html("<b>not shown</b>")
    st.session_state["captured"] = place.message.body
    with private.together():
        private.enqueue(st.container(), "html", private.Html(body="<b>shown</b>"))
        st.markdown("so is this")
    st.text_input("Label", key="named")
    st.session_state["id"] = private.widget_id("named")


def test_elements_are_captured_and_sent_by_hand() -> None:
    app = AppTest.from_function(captured).run()
    assert not app.exception
    assert app.session_state["captured"] == "<b>not shown</b>"
    assert [element.proto.body for element in app.get("html")] == ["<b>shown</b>"]
    assert [element.value for element in app.markdown] == ["so is this"]
    assert app.session_state["id"] == app.text_input(key="named").id
