"""A place on the page that holds one element, drawn again and again."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import pyarrow as pa
from streamlit.delta_generator import DeltaGenerator

from live import private
from live.packer import Packer


class Picture(Protocol):
    """A chart: a spec whose one dataset has a name, and the data of that name."""

    @property
    def spec(self) -> dict[str, Any]:
        """The Vega-Lite spec; the same object as long as the chart is the same."""

    @property
    def table(self) -> pa.Table:
        """The rows of the dataset."""

    @property
    def alt(self) -> str:
        """What the chart is called, for those who do not see it."""


class Slot:
    """Draws into the first place of a container, again and again.

    Not ``st.empty()``: that is an element itself, and each run of the script would first put it
    in the place of the chart, which the browser would then have to build anew.
    """

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place
        self._element: DeltaGenerator | None = None
        self._chart: _Chart | None = None
        self._packer = Packer()
        self._sent = b""
        self._drawn: object = None

    def draw(self, kind: str, *content: Any, **settings: Any) -> None:
        """Show an element of ``kind`` (a method of Streamlit's) in the place of the last one.

        One that is there already is not sent again.
        """
        drawn = kind, content, settings
        if drawn == self._drawn:
            return
        self._drawn = drawn
        element = getattr(self._target, kind)(*content, **settings)
        self._element = self._element or element

    def send(self, kind: str, message: Any, layout: Any = None) -> None:
        """Show an element by its message, as it is."""
        self._drawn = None
        if self._element is None:
            self._element = private.enqueue(self._place, kind, message, layout)
        else:
            private.enqueue_again(self._element, kind, message, layout)

    def clear(self) -> None:
        """Show nothing, not even what the run of the script before this one has left."""
        self.draw("empty")

    def chart(self, picture: Picture, height: int | Literal["stretch"]) -> None:
        """Show a chart, ``height`` pixels high, or as high as its place.

        ``st.vega_lite_chart`` writes the spec out and reads it again each time, which is most of
        what it does. So it makes the message once, and from then on only the data is exchanged.
        Data that are the same are not sent again.
        """
        if self._chart is None or self._chart.spec is not picture.spec:
            self._chart, self._packer, self._sent = _chart_of(picture, height), Packer(), b""
        data = self._packer.pack(picture.table)
        if data == self._sent:
            return
        self._sent = data
        # A copy: what a message is given twice, it keeps twice (in its arena) for as long as it is.
        message = private.VegaLiteChart()
        message.CopyFrom(self._chart.message)
        message.datasets[0].data.data = data
        self.send("vega_lite_chart", message, self._chart.layout)

    @property
    def _target(self) -> DeltaGenerator:
        # Always the first element: each one that Streamlit returns stands inside the one before.
        return self._element or self._place


class _Chart(private.Captured):
    """The message of a chart without its data; nobody changes it."""

    def __init__(self, picture: Picture, height: int | Literal["stretch"]) -> None:
        super().__init__()
        self.spec = picture.spec
        empty = {picture.spec["data"]["name"]: picture.table.slice(length=0)}
        self.vega_lite_chart(picture.spec | {"datasets": empty}, height=height, alt=picture.alt)


def _chart_of(picture: Picture, height: int | Literal["stretch"]) -> _Chart:
    """The chart, made once for all readers: that takes longer than all that a frame draws."""
    key = id(picture.spec), height, picture.alt
    found = _charts.get(key)
    if found is None or found.spec is not picture.spec:
        if len(_charts) >= _MOST_CHARTS:
            _charts.clear()
        found = _charts[key] = _Chart(picture, height)
    return found


_charts: dict[tuple[int, int | str, str], _Chart] = {}
_MOST_CHARTS = 200


def titled(column: DeltaGenerator, title: str, height: int, explanation: str) -> Slot:
    """A slot for a chart of ``height`` pixels, under its title, which can explain itself."""
    column.markdown(f"**{title}**", help=explanation)
    # A little more than the chart, so that no scroll bar comes and goes.
    return Slot(column.container(height=height + 16, border=False))
