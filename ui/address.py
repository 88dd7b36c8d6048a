"""Writes the browser's address bar.

Not through ``st.query_params``: each write there is an entry in the browser's history, and from
then on it is what the browser sends when it reconnects, not the address that it shows. The address
is where a run's position lives (another replica goes on from it), so it is written once a second.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_JS = """
export default function ({ data }) {
  const url = new URL(window.location.href);
  url.search = data.query;
  if (url.href === window.location.href) return;
  const write = data.push ? "pushState" : "replaceState";
  window.history[write](window.history.state, "", url);
}
"""


class Address:
    """The address bar, as a place on the page."""

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place
        self._component = st.components.v2.component("address", js=_JS)

    def write(self, query: str, push: bool) -> None:
        """Show ``query``; ``push`` leaves the old address in the history, to go back to."""
        with self._place:
            self._component(data={"query": query, "push": push})
