"""Writes the browser's address bar.

Not through ``st.query_params``: each write there is an entry in the browser's history, and from
then on it is what the browser sends when it reconnects, not the address that it shows. The address
is where a run's position lives (another replica goes on from it), so it is written once a second.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# Whether the old address stays in the history, to go back to, is decided here: the page may write
# twice before the browser has drawn once. Each entry of the history knows its lesson.
#
# After Back or Forward the server still says what has just been left. As a new entry that would
# take the way forward away, so it is not written until the server has said where the reader is now.
_JS = """
const MOST_WAIT = 5000;
const left = new Set();
let shown;
let wentAt;
window.addEventListener("popstate", ({ state }) => {
  left.add(shown);
  shown = state?.lesson;
  left.delete(shown);
  wentAt = performance.now();
});

export default function ({ data }) {
  const state = window.history.state ?? {};
  if (state.lesson === data.lesson || performance.now() - wentAt > MOST_WAIT) left.clear();
  if (left.has(data.lesson)) return;
  shown = data.lesson;
  const url = new URL(window.location.href);
  // Streamlit's own parameters, of which the script is told nothing.
  const own = [...url.searchParams].filter(([name]) => name.startsWith("embed"));
  url.search = data.query;
  own.forEach(([name, value]) => url.searchParams.append(name, value));
  const here = url.href === window.location.href;
  if (here && state.lesson === data.lesson) return;
  const push = !here && state.lesson !== undefined && state.lesson !== data.lesson;
  const write = push ? "pushState" : "replaceState";
  window.history[write]({ ...state, lesson: data.lesson }, "", url);
}
"""


class Address:
    """The address bar, as a place on the page."""

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place
        self._component = st.components.v2.component("address", js=_JS)

    def write(self, query: str, lesson: str) -> None:
        """Show ``query``; where the ``lesson`` is another one, leave the old address to go back to.

        A lesson is what an address is about, without where its run stands.
        """
        with self._place:
            self._component(data={"query": query, "lesson": lesson})
