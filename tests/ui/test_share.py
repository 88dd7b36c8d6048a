"""What is taken home is what the page shows."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile

import pytest

from export.charts import charts_zip, standalone
from model.link import read
from model.workers import Workers
from ui.session import Session
from ui.share import _charts

SVG = "{http://www.w3.org/2000/svg}"
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def session(pool: Workers) -> Session:
    session = Session(read("chapter=why&steps=500"), pool)
    session.begin()
    session._advance(500)
    return session


def test_every_chart_of_a_comparison_is_a_picture_with_the_figures_of_the_page(
    session: Session,
) -> None:
    charts = _charts(session)
    archive = zipfile.ZipFile(io.BytesIO(charts_zip(charts, "svg")))
    assert sorted(archive.namelist()) == sorted(f"{name}.svg" for name in charts)
    assert len(charts) == 8  # four of the lanes together, two of each
    for name, (_, table) in charts.items():
        texts = {e.text for e in ET.fromstring(archive.read(f"{name}.svg")).iter(f"{SVG}text")}
        if "figures" in table.column_names:
            assert texts >= {text for text in table.column("figures").to_pylist() if text}
        assert b"currentColor" not in archive.read(f"{name}.svg")


def test_a_picture_has_every_row_of_its_chart(session: Session) -> None:
    for chart in _charts(session).values():
        (rows,) = standalone(chart)["datasets"].values()
        assert len(rows) == chart[1].num_rows


def test_charts_can_be_had_in_pixels(session: Session) -> None:
    charts = {"estimate": _charts(session)["estimate"]}
    archive = zipfile.ZipFile(io.BytesIO(charts_zip(charts, "png")))
    assert archive.read("estimate.png").startswith(PNG)
