"""The picture of a card, 1200 × 630: the estimate and the gradients, as they are on the page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from textwrap import wrap

from charts import Picture
from charts.sheet import Cell, png, sheet
from charts.theme import PAPER

# The size that the networks show without cutting; drawn at half of it, so that letters are large.
WIDTH, HEIGHT = 1200, 630
_SCALE = 2

# Characters of a line of the title, and of the sentence; pixels that a line takes.
_TITLE_LINE, _LINE = 44, 112
_TITLE_HEIGHT, _LINE_HEIGHT = 26, 15

# Pixels for a plot and the words above it.
_ROOM = 230


def draw(title: str, sentence: str, charts: Sequence[Picture]) -> bytes:
    """The PNG; without charts it is the words alone."""
    # Here, because only the drawing process needs it.
    from PIL import Image

    heading, lines = wrap(title, _TITLE_LINE), wrap(sentence, _LINE)
    # Words take their lines from the charts: they are never cut.
    height = _ROOM - _TITLE_HEIGHT * len(heading) - _LINE_HEIGHT * len(lines)
    cells = [Cell(chart, 258, max(height, _ROOM // 3)) for chart in charts]
    title = "\n".join(heading)
    spec = sheet([cells] if cells else [], title=title, lines=lines, gap=66, size=11)
    image = Image.open(io.BytesIO(png(spec, _SCALE))).convert("RGB")
    # Vega-Lite decides the size of what stands side by side; the networks want one exactly.
    image.thumbnail((WIDTH, HEIGHT))
    whole = Image.new("RGB", (WIDTH, HEIGHT), PAPER["light"])
    whole.paste(image, ((WIDTH - image.width) // 2, (HEIGHT - image.height) // 2))
    packed = io.BytesIO()
    # An octree keeps the colours of thin lines, which are few among so much paper.
    whole.quantize(256, Image.Quantize.FASTOCTREE).save(packed, "PNG", optimize=True)
    return packed.getvalue()
