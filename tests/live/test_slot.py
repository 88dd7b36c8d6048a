"""A place on the page: what it sends is what Streamlit's own chart would be."""

from __future__ import annotations

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from charts import Picture, estimate, filled
    from live.slot import Slot
    from model import Run

    run = Run(st.session_state["experiment"], st.session_state["engine"])
    run.advance(100)
    slot = Slot(st.container())
    for step in (0, 50, 100):  # drawn again and again in the same place
        table = estimate.data({"first": run.history.at(step)})
        slot.chart(Picture(estimate.spec(), table, "The estimate"), 290)
    st.container().vega_lite_chart(filled(estimate.spec(), table), height=290, alt="The estimate")


def test_a_chart_drawn_again_is_the_message_that_streamlit_itself_would_send() -> None:
    from model import Experiment
    from model.run import in_process

    app = AppTest.from_function(page)
    app.session_state["experiment"] = Experiment()
    app.session_state["engine"] = in_process
    app.run(timeout=60)
    assert not app.exception
    mine, streamlits = (element.proto for element in app.get("vega_lite_chart"))
    # The data are narrower; all else is the same.
    lean, wide = (read(proto.datasets[0].data.data) for proto in (mine, streamlits))
    mine.datasets[0].data.data = streamlits.datasets[0].data.data
    assert mine == streamlits
    assert lean.column_names == wide.column_names
    assert lean.num_rows == wide.num_rows > 0
    for name in lean.column_names:
        found, wanted = lean[name].to_pylist(), wide[name].to_pylist()
        numbers = name in ("estimate", "input")
        assert found == (pytest.approx(wanted, rel=1e-3, nan_ok=True) if numbers else wanted)


def read(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()
