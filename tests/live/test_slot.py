"""A place on the page: what it sends is what Streamlit's own chart would be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from live.slot import arrow_bytes


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


def test_what_is_sent_is_no_wider_than_what_is_drawn_needs() -> None:
    numbers = np.array([1 / 3, -1e-20, 0.0, np.nan, np.inf, 4_999_999.0])
    table = pa.table(
        {
            "number": numbers,
            "step": [0, 1, 2, 3, 4, 4_999_999],
            "row": [0, 1, 2, 3, 4, None],
            "text": ["a", "a", "", "b", "b", "b"],
        }
    )
    sent = read(arrow_bytes(table))
    assert [str(field.type) for field in sent.schema] == [
        "float",
        "int32",
        "int8",
        "dictionary<values=string, indices=int8, ordered=0>",
    ]
    np.testing.assert_allclose(sent["number"].to_numpy(), numbers, rtol=1 / 2**12)
    for name in ("step", "row", "text"):
        assert sent[name].to_pylist() == table[name].to_pylist()
