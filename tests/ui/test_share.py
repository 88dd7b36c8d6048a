"""What is taken home is what the page shows."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile

import pytest

from charts import Picture
from charts.pictures import all_of
from charts.sheet import Cell, sheet
from export.charts import charts_zip
from model.link import read
from model.workers import Workers
from ui.session import Session

SVG = "{http://www.w3.org/2000/svg}"
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def session(pool: Workers) -> Session:
    session = Session(read("chapter=why&steps=500"), pool)
    session.begin()
    session._advance(500)
    return session


def charts_of(session: Session) -> dict[str, Picture]:
    return all_of(session.runs, session.snapshots(), session.end, session.view)


def test_every_chart_of_a_comparison_is_a_picture_with_the_figures_of_the_page(
    session: Session,
) -> None:
    charts = charts_of(session)
    archive = zipfile.ZipFile(io.BytesIO(charts_zip(charts, "svg")))
    assert sorted(archive.namelist()) == sorted(f"{name}.svg" for name in charts)
    assert len(charts) == 8  # four of the lanes together, two of each
    for name, chart in charts.items():
        texts = {e.text for e in ET.fromstring(archive.read(f"{name}.svg")).iter(f"{SVG}text")}
        for words in {"figures", "text"} & set(chart.table.column_names):
            said = zip(*(chart.table.column(c).to_pylist() for c in ("part", words)), strict=True)
            assert texts >= {text for part, text in said if text and part in ("label", "key")}
        assert b"currentColor" not in archive.read(f"{name}.svg")


def test_a_picture_has_every_row_of_its_chart(session: Session) -> None:
    for chart in charts_of(session).values():
        (rows,) = sheet([[Cell(chart, 720, 400)]])["datasets"].values()
        assert len(rows) == chart.table.num_rows


def test_charts_can_be_had_in_pixels(session: Session) -> None:
    charts = {"estimate": charts_of(session)["estimate"]}
    archive = zipfile.ZipFile(io.BytesIO(charts_zip(charts, "png")))
    assert archive.read("estimate.png").startswith(PNG)
