"""What the browser hands to whichever server it meets next.

When its connection breaks, the browser asks again, maybe another server, which knows nothing of
the session. It then sends the query that the page was opened with (not what the address bar has
come to show: Streamlit 1.67 pins the first), and the values of all widgets. So a widget that
nobody sees carries where the run stands. Streamlit can set a widget only when the script runs
anew; during a run its message is sent by hand, which is private ground.
"""

from __future__ import annotations

import streamlit as st
from streamlit.proto.LabelVisibility_pb2 import LabelVisibility
from streamlit.proto.TextInput_pb2 import TextInput
from streamlit.runtime.scriptrunner import get_script_run_ctx

_KEY = "carried"
_LABEL = "Position"

# The block, and what Streamlit wraps around it.
_HIDDEN = f"<style>.st-key-{_KEY}-place, :has(> .st-key-{_KEY}-place) {{ display: none }}</style>"


class Carrier:
    """The hidden widget; made once in each run of the script, before the session is opened."""

    def __init__(self) -> None:
        st.html(_HIDDEN)
        with st.container(key=f"{_KEY}-place"):
            self._place = st.empty()
            #: What the browser carried here: a query string, or "" on a page just opened.
            self.brought = self._place.text_input(
                _LABEL, key=_KEY, label_visibility="collapsed", on_change="ignore"
            )
        context = get_script_run_ctx()
        ids = context.session_state._state._key_id_mapper if context else None
        self._id = (ids and ids.get_id_from_key(_KEY)) or ""

    def load(self, query: str) -> None:
        """Have the browser carry ``query`` from now on."""
        widget = TextInput(id=self._id, label=_LABEL, value=query, set_value=True)
        widget.label_visibility.value = LabelVisibility.LabelVisibilityOptions.COLLAPSED
        widget.ignore_rerun = True
        self._place._enqueue("text_input", widget)
