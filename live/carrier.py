"""What the browser hands to whichever server it meets next.

When its connection breaks, the browser asks again, maybe another server, which knows nothing of
the session. It then sends the query that the page was opened with (not what the address bar has
come to show: Streamlit 1.67 pins the first), and the values of all widgets. So a widget that
nobody sees carries where the run stands, and how it is looked at. Streamlit can set a widget only
when the script runs anew; during a run its message is sent by hand, which is private ground.

The browser asks by itself only where the script was running. A page that stood still would find a
server that does not know it, and its downloads would do nothing: so the page asks as well, once
somebody looks at it, and not all pages at the same moment.
"""

from __future__ import annotations

import streamlit as st

from live import private

_KEY = "carried"
_LABEL = "Position"

# The block, and what Streamlit wraps around it.
_HIDDEN = f"<style>.st-key-{_KEY}-place, :has(> .st-key-{_KEY}-place) {{ display: none }}</style>"

# Both attributes are Streamlit's own (1.67), made for its tests: without them nothing is asked.
# One observer a page: the module is loaded once, and the element is there as long as the page.
_ASK = """
const CONNECTION = "data-test-connection-state";
const SCRIPT = "data-test-script-state";
const MOST_WAIT = 1000;
let watching = false;

export default function ({ setTriggerValue }) {
  const app = document.querySelector(`[${CONNECTION}]`);
  if (watching || !app) return;
  watching = true;
  let lost = false;
  let waiting;
  const ask = () => {
    lost = false;
    setTriggerValue("back", true);
  };
  const look = () => {
    clearTimeout(waiting);
    if (app.getAttribute(CONNECTION) !== "CONNECTED") lost = true;
    else if (app.getAttribute(SCRIPT) !== "notRunning") lost = false;
    else if (lost && !document.hidden) waiting = setTimeout(ask, MOST_WAIT * Math.random());
  };
  new MutationObserver(look).observe(app, { attributeFilter: [CONNECTION, SCRIPT] });
  document.addEventListener("visibilitychange", look);
}
"""


class Carrier:
    """The hidden widget; made once in each run of the script, before the session is opened."""

    def __init__(self) -> None:
        st.html(_HIDDEN)
        with st.container(key=f"{_KEY}-place"):
            self._place = st.empty()
            #: What the browser carried here: a query string, and after a "#" what no link says; or
            #: "" on a page just opened.
            self.brought = self._place.text_input(
                _LABEL, key=_KEY, label_visibility="collapsed", on_change="ignore"
            )
            st.components.v2.component("back", js=_ASK)(key="back")
        self._id = private.widget_id(_KEY)

    def load(self, text: str) -> None:
        """Have the browser carry ``text`` from now on."""
        message = private.text_input_set_to(self._id, _LABEL, text)
        private.enqueue(self._place, "text_input", message)
