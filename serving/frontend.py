"""Streamlit's own front end as it is installed: its files, and which of them the page begins with.

Nothing here imports Streamlit: whoever prepares the files does not need it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# What the first screen draws. A browser would learn of each only from the one that asks for it:
# four round trips, one after another. Their names in the installed files have hashes.
_FIRST_SCREEN = (
    "index",
    "ArrowVegaLiteChart",
    "BidiComponent",
    "Button",
    "ButtonGroup",
    "Html",
    "LinkButton",
    "Selectbox",
    "Slider",
    "StreamlitMarkdown",
    "TextInput",
    "embed",
    "vega-interpreter",
)

_IMPORTED = re.compile(r"""\b(?:import|from)\s*["'`]\./([^"'`]+\.js)["'`]""")


@cache
def folder() -> Path:
    """The folder of the files: ``index.html``, ``favicon.png``, ``static``."""
    found = find_spec("streamlit")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("Streamlit is not installed: install requirements.txt")
    return Path(found.submodule_search_locations[0]) / "static"


@cache
def first_screen() -> tuple[str, ...]:
    """The scripts of the first screen, as addresses below the page, each after who asks for it."""
    scripts = folder() / "static" / "js"
    installed = {path.name: path for path in scripts.glob("*.js")}
    named = {name.rsplit(".", 2)[0]: name for name in installed}
    found: dict[str, None] = {}
    waiting = [named[name] for name in _FIRST_SCREEN if name in named]
    while waiting:
        name = waiting.pop(0)
        if name in installed and name not in found:
            found[name] = None
            waiting += _IMPORTED.findall(installed[name].read_text())
    return tuple(f"static/js/{name}" for name in found)
