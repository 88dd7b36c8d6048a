"""A place on the page that holds one element, drawn again and again."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from streamlit.delta_generator import DeltaGenerator

from ui.charts import filled


class Slot:
    """Draws into the first place of a container, again and again.

    Not ``st.empty()``: that is an element itself, and each run of the script would first put it
    in the place of the chart, which the browser would then have to build anew.
    """

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place
        self._element: DeltaGenerator | None = None

    def draw(self, kind: str, *content: Any, **settings: Any) -> None:
        """Show an element of ``kind`` (a method of Streamlit's) in the place of the last one."""
        element = getattr(self._element or self._place, kind)(*content, **settings)
        self._element = self._element or element

    def chart(self, spec: dict[str, Any], table: pa.Table, height: int, alt: str) -> None:
        """Show a chart; ``alt`` is its name for those who do not see it."""
        self.draw("vega_lite_chart", filled(spec, table), height=height, alt=alt)


def titled(column: DeltaGenerator, title: str, height: int, explanation: str) -> Slot:
    """A slot for a chart of ``height`` pixels, under its title, which can explain itself."""
    column.markdown(f"**{title}**", help=explanation)
    # A little more than the chart, so that no scroll bar comes and goes.
    return Slot(column.container(height=height + 16, border=False))
