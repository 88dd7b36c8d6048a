"""How far a run has come: a bar under a line of text. It ends each frame, and says its number.

Plain HTML: a browser draws it in a fraction of what Streamlit's own bar takes, and the number of
the frame needs no element of its own.
"""

from __future__ import annotations

from html import escape

from streamlit.delta_generator import DeltaGenerator

from live import private
from live.flow import Flow
from live.slot import Slot

#: What only the last message of a frame has in it.
ENDS = "data-shown="


class Progress:
    """The bar of one page; ``share`` is how much of the way is behind, from 0 to 1."""

    def __init__(self, place: DeltaGenerator, flow: Flow) -> None:
        self._slot = Slot(place)
        self._flow = flow

    def say(self, share: float, text: str) -> None:
        """Show how far it is while there is nothing else to draw."""
        self._draw(share, text)

    def wait(self, share: float, text: str) -> None:
        """The same where it may take long: the first picture gives way (scripts/first.js)."""
        self._draw(share, text, " data-waits")

    def end_frame(self, share: float, text: str) -> None:
        """The same as the last element of a frame."""
        self._draw(share, text, f' {ENDS}"{self._flow.name} {self._flow.drew()}"')

    def fail(self, text: str) -> None:
        """Say in its place that it goes no further."""
        self._slot.draw("error", text)

    def _draw(self, share: float, text: str, mark: str = "") -> None:
        percent = f"{100 * share:.1f}"
        bar = (
            f'<div role="progressbar" aria-label="Training" aria-valuenow="{percent}"{mark}>'
            f'<p>{escape(text)}</p><div><div style="width:{percent}%"></div></div></div>'
        )
        self._slot.send("html", private.Html(body=bar))
