"""The poster shows the numbers of the run, in glyphs that exist, at the size it promises."""

from __future__ import annotations

import io
import pickle
import re
import struct
import xml.etree.ElementTree as ET
from typing import Any

import altair as alt
import numpy as np
import pytest
import vl_convert
from PIL import Image

from charts import ladder
from charts.theme import LANES, MODES, Mode
from export.poster import Lane, poster_png, poster_spec, poster_svg
from model import Run
from model.diagnosis import diagnose
from model.history import PROBE, History

URL = "https://example.org/?layers=3&vs.layers=2"


@pytest.fixture(scope="session")
def lanes(runs: dict[str, Run]) -> list[Lane]:
    return [Lane(name, run.history, diagnose(run).sentence) for name, run in runs.items()]


def rows_with(spec: dict[str, Any], *columns: str) -> list[list[dict[str, Any]]]:
    """The data of each chart whose rows have these columns, in the poster's order."""
    return [rows for rows in spec["datasets"].values() if set(columns) <= set(rows[0])]


@pytest.mark.parametrize("mode", MODES)
def test_the_numbers_on_the_poster_are_those_of_the_history(
    mode: Mode, lanes: list[Lane], histories: dict[str, History]
) -> None:
    spec = poster_spec(lanes, URL, "1.2.3", mode)
    (estimates,), (losses,), (flows,) = (
        rows_with(spec, column) for column in ("estimate", "loss", "rms")
    )
    for lane, history in zip(LANES, histories.values(), strict=True):

        def drawn(rows: list[dict[str, Any]], lane: str = lane) -> list[dict[str, Any]]:
            return [row for row in rows if (row["part"], row["lane"]) == ("lane", lane)]

        found = np.array([r["estimate"] for r in drawn(estimates)], np.float32)
        np.testing.assert_array_equal(found, history.estimates[-1])
        asked = np.array([r["input"] for r in drawn(estimates)], np.float32)
        np.testing.assert_array_equal(asked, PROBE)
        np.testing.assert_array_equal([r["step"] for r in drawn(losses)], history.steps)
        found = np.array([r["loss"] for r in drawn(losses)], np.float32)
        np.testing.assert_array_equal(found, history.mean_loss)
        first = [r["rms"] for r in drawn(flows) if r["text"] == "W" and r["rms"] is not None]
        np.testing.assert_array_equal(np.array(first, np.float32), history.shown_rms["W"])


def test_the_ladders_are_those_of_the_page(
    lanes: list[Lane], histories: dict[str, History]
) -> None:
    """What a ladder shows is held to NumPy by the tests of the charts."""
    ladders = rows_with(poster_spec(lanes, URL, "1.2.3"), "floor", "figures")
    assert len(ladders) == len(histories)
    for rows, history in zip(ladders, histories.values(), strict=True):
        lane = ladder.Lane(history.at(0), history.at(int(history.steps[-1])))
        assert rows == ladder.data(lane, [], "gradients", "log", False).to_pylist()


def texts(svg: str) -> list[str]:
    found = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [" ".join(text.itertext()) for text in found]


@pytest.mark.parametrize("mode", MODES)
def test_the_poster_says_what_it_shows(mode: Mode, lanes: list[Lane]) -> None:
    said = " ".join(texts(poster_svg(lanes, URL, "1.2.3", mode)))
    for words in ("The Middle Layer, version 1.2.3.", URL, "3 layers of width 16", "2 layers of"):
        assert words in said
    for lane in lanes:
        assert lane.verdict in said


def rendered(text: str) -> np.ndarray:
    """The pixels of a text as the poster's PNG would have it."""
    chart = alt.Chart(alt.InlineData(values=[{}])).mark_text(text=text, fontSize=40)
    png = vl_convert.vegalite_to_png(chart.properties(width=80, height=80).to_dict())
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def test_no_glyph_on_the_poster_is_missing(lanes: list[Lane], diverged: Run) -> None:
    missing = rendered("\U0010fffd")  # a code point that no font has
    drawn = texts(poster_svg(lanes, URL, "1.2.3"))
    lane = Lane("…", diverged.history, diagnose(diverged).sentence)
    drawn += texts(poster_svg([lane], URL, "1"))
    for character in sorted({c for text in drawn for c in text if not c.isspace()}):
        pixels = rendered(character)
        assert pixels.min() < 128, f"{character!r} is not drawn"
        assert not np.array_equal(pixels, missing), f"{character!r} is missing"


@pytest.mark.parametrize("count", [1, 2])
def test_the_png_is_about_1200_pixels_wide_and_its_axes_are_readable(
    count: int, lanes: list[Lane]
) -> None:
    png = poster_png(lanes[:count], URL, "1", scale=1)
    width, _ = struct.unpack(">II", png[16:24])
    assert 1_150 <= width <= 1_250
    svg = poster_svg(lanes[:count], URL, "1")
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg)]
    assert min(sizes) >= 11


def luminance(color: tuple[int, ...]) -> float:
    """Relative luminance (WCAG 2.1)."""
    channels = np.array(color[:3]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("mode", MODES)
def test_lines_and_words_stand_out_from_the_paper(mode: Mode, largest: Run) -> None:
    spec = poster_spec([Lane("first", largest.history, "Eight layers.")], URL, "1", mode)
    paper = spec["config"]["background"]
    colors = set(re.findall(r"#[0-9a-f]{6}", str(spec))) - {paper}
    assert len(colors) >= 10
    for color in colors:
        a, b = sorted(luminance(tuple(bytes.fromhex(c[1:]))) for c in (color, paper))
        # WCAG 2.1, 1.4.11: what carries meaning has a contrast of at least 3 : 1.
        assert (b + 0.05) / (a + 0.05) >= 3, color


def test_a_diverged_run_has_a_poster(diverged: Run) -> None:
    lane = Lane("first", diverged.history, diagnose(diverged).sentence)
    said = texts(poster_svg([lane], URL, "1"))
    assert any("Diverged. At step" in text for text in said)
    assert not any("NaN" in text for text in said)


def test_a_poster_is_the_same_bytes_whatever_was_drawn_before(lanes: list[Lane]) -> None:
    first = poster_svg(lanes, "https://example.org/", "1.0.0")
    assert "url(#clip" in first
    assert poster_svg(lanes, "https://example.org/", "1.0.0") == first


def test_a_poster_of_none_or_three_is_refused(lanes: list[Lane]) -> None:
    for wrong in ([], [*lanes, lanes[0]]):
        with pytest.raises(ValueError, match=f"one network or two, not {len(wrong)}"):
            poster_spec(wrong, URL, "1")


def test_a_poster_of_what_has_not_begun_is_refused(lanes: list[Lane]) -> None:
    unborn = Lane("second", Run(lanes[0].history.experiment).history, "")
    with pytest.raises(ValueError, match="'second' has not begun"):
        poster_spec([lanes[0], unborn], URL, "1")


def test_a_poster_can_be_drawn_in_a_worker(lanes: list[Lane]) -> None:
    function, arguments = pickle.loads(pickle.dumps((poster_svg, (lanes, URL, "1"))))
    assert function(*arguments) == poster_svg(lanes, URL, "1")
