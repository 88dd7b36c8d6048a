"""A place on the page that holds one element, drawn again and again."""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.layout_utils import LayoutConfig
from streamlit.proto.VegaLiteChart_pb2 import VegaLiteChart


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

    def draw(self, kind: str, *content: Any, **settings: Any) -> None:
        """Show an element of ``kind`` (a method of Streamlit's) in the place of the last one."""
        element = getattr(self._element or self._place, kind)(*content, **settings)
        self._element = self._element or element

    def chart(self, picture: Picture, height: int) -> None:
        """Show a chart, ``height`` pixels high.

        ``st.vega_lite_chart`` writes the spec out and reads it again each time, which is most of
        what it does. So it makes the message once, and from then on only the data is exchanged;
        to send that by hand is private ground.
        """
        if self._chart is None or self._chart.spec is not picture.spec:
            self._chart = _Chart(picture, height)
        # A copy: what a message is given twice, it keeps twice (in its arena) for as long as it is.
        message = VegaLiteChart()
        message.CopyFrom(self._chart.message)
        message.datasets[0].data.data = arrow_bytes(picture.table)
        place = self._element or self._place
        element = place._enqueue("vega_lite_chart", message, self._chart.layout)
        self._element = self._element or element


class _Chart(DeltaGenerator):
    """A place that is nowhere: takes the message of a chart without data, and shows nothing."""

    message: VegaLiteChart
    layout: LayoutConfig | None

    def __init__(self, picture: Picture, height: int) -> None:
        super().__init__()
        self.spec = picture.spec
        empty = {picture.spec["data"]["name"]: picture.table.slice(length=0)}
        spec = picture.spec | {"datasets": empty}
        self.vega_lite_chart(spec, height=height, alt=picture.alt)

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


def arrow_bytes(table: pa.Table) -> bytes:
    """A table as the browser reads it: an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def titled(column: DeltaGenerator, title: str, height: int, explanation: str) -> Slot:
    """A slot for a chart of ``height`` pixels, under its title, which can explain itself."""
    column.markdown(f"**{title}**", help=explanation)
    # A little more than the chart, so that no scroll bar comes and goes.
    return Slot(column.container(height=height + 16, border=False))
