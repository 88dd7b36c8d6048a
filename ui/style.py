"""What the theme has no key for."""

from __future__ import annotations

import streamlit as st

# On a dark page the primary colour is light enough to be read as text; white on it then is not.
_STYLE = """
<style>
[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #0f141b) }
</style>
"""


def apply() -> None:
    """Add it to the page."""
    st.html(_STYLE)
