"""A place on the page: what it sends is what Streamlit's own chart would be."""

from __future__ import annotations

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from charts import Picture, estimate, filled
    from live.slot import Slot
    from model import Experiment, Run

    run = Run(Experiment())
    run.advance(100)
    context = get_script_run_ctx()
    assert context is not None
    st.session_state["sent"] = sent = []
    on, context._enqueue = context._enqueue, lambda message: (sent.append(message), on(message))
    slots = {290: Slot(st.container()), "stretch": Slot(st.container())}
    for step in (0, 50, 100):  # drawn again and again in the same places
        table = estimate.data({"first": run.history.at(step)})
        for height, slot in slots.items():
            slot.chart(Picture(estimate.spec(), table, "The estimate"), height)
    st.container().vega_lite_chart(filled(estimate.spec(), table), height=290, alt="The estimate")


@pytest.fixture(scope="module")
def app() -> AppTest:
    app = AppTest.from_function(page).run(timeout=60)
    assert not app.exception
    return app


def test_a_chart_drawn_again_is_the_message_that_streamlit_itself_would_send(app: AppTest) -> None:
    mine, _, streamlits = (element.proto for element in app.get("vega_lite_chart"))
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


def test_a_message_sent_again_differs_from_the_first_in_its_data_alone(app: AppTest) -> None:
    sent = [m for m in app.session_state["sent"] if m.delta.new_element.HasField("vega_lite_chart")]
    firsts, again = sent[:2], sent[2:6]
    assert firsts[0].metadata.delta_path != firsts[1].metadata.delta_path
    for n, message in enumerate(again):
        first = firsts[n % 2]
        assert message.hash != first.hash
        mine, its = (
            each.delta.new_element.vega_lite_chart.datasets[0].data for each in (message, first)
        )
        assert mine.data != its.data
        mine.data, message.hash = its.data, first.hash
        assert message == first


def read(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()
