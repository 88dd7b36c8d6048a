"""Every name of Streamlit's that is not public, in one place.

Each function says which version its names were read in, why they are needed, and the public way to
fall back on. tests/live/test_private.py is the first to fail when an upgrade changes one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamlit import net_util
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.layout_utils import (
    LayoutConfig,
    get_height_config,
    get_width_config,
)
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Html_pb2 import Html
from streamlit.proto.LabelVisibility_pb2 import LabelVisibility
from streamlit.proto.TextInput_pb2 import TextInput
from streamlit.proto.VegaLiteChart_pb2 import VegaLiteChart
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import (
    ScriptRunContext,
    ScriptRunner,
    ScriptRunnerEvent,
    get_script_run_ctx,
)
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType
from streamlit.runtime.state.common import WidgetMetadata, unpack_widget_state_value
from streamlit.runtime.state.session_state import SessionState

# What others take from here: messages, and what live/guard.py stands before.
__all__ = [
    "BackMsg",
    "Html",
    "LayoutConfig",
    "SessionState",
    "VegaLiteChart",
    "WidgetMetadata",
    "WidgetState",
    "WidgetStates",
    "net_util",
    "unpack_widget_state_value",
]

#: Streamlit's loggers that write down what a stranger has sent (1.67).
LOGGERS = (
    "streamlit.runtime.app_session",
    "streamlit.web.server.starlette.starlette_websocket",
)


# --- Who is there -------------------------------------------------------------------------------


def session_id() -> str:
    """The name of this script's session; empty outside of one.

    1.67: ``ScriptRunContext.session_id``. Needed to know sessions apart across threads. Public way:
    a random name in ``st.session_state``, which nobody else can look up.
    """
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def is_there(session: str) -> bool:
    """Whether a browser is connected to the session of that name; False outside of a server.

    1.67: ``Runtime.is_active_session``. The script of a closed tab runs on until the session's time
    to live. Public way: none; let it run on.
    """
    return exists() and get_instance().is_active_session(session)


def reader_is_there() -> bool:
    """Whether a browser is connected to this script's session; False outside of a server."""
    return is_there(session_id())


def forget_the_gone() -> int:
    """Let go of sessions whose browsers have been gone for too long to come back; how many.

    1.67: ``MemorySessionStorage._cache``, which drops what is older than
    ``server.disconnectedSessionTTL`` only when the next session is stored. To be called on the
    server's event loop. Public way: none; memory comes back with the next reader.
    """
    if not exists():
        return 0
    manager: Any = get_instance()._session_mgr
    gone = manager._session_storage._cache.expire()
    for _, stored in gone:
        stored.session.shutdown()
    return len(gone)


def went_back() -> bool:
    """Whether the browser's Back or Forward brought about this run of the script.

    1.67: ``ScriptRunContext.is_history_navigation``. Public way: compare ``st.query_params`` with
    what the page has last written.
    """
    context = get_script_run_ctx(suppress_warning=True)
    return bool(context and context.is_history_navigation)


# --- What is on its way -------------------------------------------------------------------------


def rerun_is_asked_for() -> bool:
    """Whether a click waits for this run of the script to end, or the session is to stop.

    1.67: ``ScriptRequests._state``. With ``fastReruns = false`` a run ends where it next calls
    Streamlit; a loop that waits would not. Public way: call any ``st`` function more often.
    """
    context = get_script_run_ctx(suppress_warning=True)
    requests: Any = context.script_requests if context else None
    return requests is not None and requests._state != ScriptRequestType.CONTINUE


def unsent(session: str) -> int:
    """How many messages for the session have not been handed to its socket; 0 outside a server.

    1.67: ``AppSession._browser_queue`` and ``StarletteSessionClient._send_queue``. Public way:
    none; 0, and then what is drawn can run ahead of a slow road.
    """
    found = _active(session)
    if found is None:
        return 0
    waiting = getattr(found.client, "_send_queue", None)
    sending = waiting.qsize() if isinstance(waiting, asyncio.Queue) else 0
    return len(found.session._browser_queue._queue) + sending


def _active(session: str) -> Any:
    """What the runtime knows of a session that a browser is connected to; None of any other."""
    manager: Any = getattr(get_instance(), "_session_mgr", None) if exists() else None
    return manager.get_active_session_info(session) if manager else None


# --- Elements -----------------------------------------------------------------------------------


@contextmanager
def together() -> Iterator[None]:
    """Hold back the messages of a frame, and hand them to the event loop in one go.

    1.67: ``ScriptRunContext._enqueue``, ``ScriptRunner._maybe_handle_execution_control_request``,
    ``AppSession._call_soon_on_event_loop`` and ``_handle_scriptrunner_event_on_event_loop``. Each
    message wakes the loop by itself, which then takes Python's lock from whoever draws.
    Public way: none; leave it out.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        yield
        return
    held: list[ForwardMsg] = []
    at_once, context._enqueue = context._enqueue, held.append
    try:
        yield
    finally:
        context._enqueue = at_once
        _hand_over(context, held)


def _hand_over(context: ScriptRunContext, held: list[ForwardMsg]) -> None:
    if not held:
        return
    runner: Any = getattr(context._enqueue, "__self__", None)
    found = _active(context.session_id)
    if found is None or not isinstance(runner, ScriptRunner):
        for message in held:
            context._enqueue(message)
        return
    session: Any = found.session
    # As with each message: a click may end the run of the script here.
    runner._maybe_handle_execution_control_request()

    def take() -> None:
        for message in held:
            session._handle_scriptrunner_event_on_event_loop(
                runner, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, message
            )

    session._call_soon_on_event_loop(take)


def enqueue(
    place: DeltaGenerator, kind: str, message: Any, layout: LayoutConfig | None = None
) -> DeltaGenerator:
    """Send an element's message as it is.

    1.67: ``DeltaGenerator._enqueue``. A chart's own method writes its spec out and reads it again
    each time, and a widget can be set in mid-run no other way. Public way: the method itself
    (slower), or ``st.session_state`` in the next run.
    """
    return place._enqueue(kind, message, layout)


def enqueue_again(
    element: DeltaGenerator, kind: str, message: Any, layout: LayoutConfig | None = None
) -> None:
    """Send a message in the place of an element that has been sent before.

    1.67: what ``DeltaGenerator._enqueue`` does, without a new DeltaGenerator for what is there
    already (half of its time): ``DeltaGenerator._cursor``, ``ScriptRunContext.enqueue`` and the
    layout's messages. Public way: as of ``enqueue``.
    """
    context, cursor = get_script_run_ctx(suppress_warning=True), element._cursor
    if context is None or cursor is None:
        element._enqueue(kind, message, layout)
        return
    whole = ForwardMsg()
    shown = whole.delta.new_element
    getattr(shown, kind).CopyFrom(message)
    if layout is not None and layout.height is not None:
        shown.height_config.CopyFrom(get_height_config(layout.height))
    if layout is not None and layout.width is not None:
        shown.width_config.CopyFrom(get_width_config(layout.width))
    whole.metadata.delta_path[:] = cursor.delta_path
    context.enqueue(whole)


class Captured(DeltaGenerator):
    """A DeltaGenerator that captures an element's message instead of sending it.

    1.67: ``DeltaGenerator._enqueue``, through which every element goes. Public way: none.
    """

    message: Any = None
    layout: LayoutConfig | None = None

    def _enqueue(
        self,
        delta_type: str,
        element_proto: Any,
        layout_config: LayoutConfig | None = None,
        *_: object,
        **__: object,
    ) -> DeltaGenerator:
        self.message, self.layout = element_proto, layout_config
        return self


def widget_id(key: str) -> str:
    """The id under which the browser knows the widget of that key; empty before there is one.

    1.67: ``SessionState._key_id_mapper``. Public way: none.
    """
    context = get_script_run_ctx(suppress_warning=True)
    ids = context.session_state._state._key_id_mapper if context else None
    return (ids and ids.get_id_from_key(key)) or ""


def text_input_set_to(widget: str, label: str, value: str) -> TextInput:
    """The message that sets the text input of the id ``widget``, whose label nobody sees.

    1.67: ``TextInput.set_value`` and ``ignore_rerun``. Public way: ``st.session_state`` in the next
    run.
    """
    message = TextInput(id=widget, label=label, value=value, set_value=True, ignore_rerun=True)
    message.label_visibility.value = LabelVisibility.LabelVisibilityOptions.COLLAPSED
    return message
