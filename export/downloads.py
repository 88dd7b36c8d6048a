"""Every file that a reader can take home, one entry each: for the page and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from charts import Picture
from charts.theme import Mode
from export import (
    Lane,
    poster_png,
    poster_svg,
    script,
    snapshots_npz,
    table_csv,
    table_parquet,
    tensorboard_zip,
)
from export.charts import charts_zip
from export.page import cite
from model import __version__
from model.history import History


@dataclass(frozen=True)
class Take:
    """What downloads are made of: everything here can be sent to another process."""

    histories: Mapping[str, History]  # by the lane's title
    verdicts: Mapping[str, str]
    charts: Mapping[str, Picture]
    url: str
    step: int

    @property
    def first(self) -> History:
        """The first lane's history."""
        return next(iter(self.histories.values()))

    @property
    def lanes(self) -> list[Lane]:
        """The lanes as a poster takes them."""
        return [Lane(n, h, self.verdicts[n]) for n, h in self.histories.items()]


@dataclass(frozen=True)
class Export:
    """One file; with a label, also a button of the page."""

    file: str
    make: Callable[[Take], str | bytes]
    mime: str = ""
    label: str = ""
    help: str = ""
    alone: bool = False  # made of the first network; the command line makes one of each


def _script(take: Take) -> str:
    return script(take.first.experiment, max(take.step, 1), take.url)


def _charts_svg(take: Take) -> bytes:
    return charts_zip(take.charts, "svg")


def _charts_png(take: Take) -> bytes:
    return charts_zip(take.charts, "png")


def _tensorboard(take: Take) -> bytes:
    return tensorboard_zip(take.histories)


def _csv(take: Take) -> bytes:
    return table_csv(take.histories)


def _parquet(take: Take) -> bytes:
    return table_parquet(take.histories)


def _npz(take: Take) -> bytes:
    return snapshots_npz(take.first)


def _svg(take: Take, mode: Mode = "light") -> str:
    return poster_svg(take.lanes, take.url, __version__, mode)


def _png(take: Take, mode: Mode = "light") -> bytes:
    return poster_png(take.lanes, take.url, __version__, mode)


def _cite(take: Take) -> str:
    return cite(take.url, __version__) + "\n"


#: Every file, for the page and the command line.
EXPORTS = (
    Export(
        "run.py",
        _script,
        "text/x-python",
        "Script",
        "This run in plain TensorFlow, to edit",
        alone=True,
    ),
    Export("poster.svg", _svg, "image/svg+xml", "Poster, SVG", "The charts on one sheet, to print"),
    Export(
        "poster.png", _png, "image/png", "Poster, PNG", "The charts on one sheet, 2,400 pixels wide"
    ),
    Export("poster-dark.svg", partial(_svg, mode="dark")),
    Export("poster-dark.png", partial(_png, mode="dark")),
    Export(
        "charts-svg.zip",
        _charts_svg,
        "application/zip",
        "Charts, SVG",
        "Each chart of the page as a file of its own, to draw on",
    ),
    Export(
        "charts-png.zip",
        _charts_png,
        "application/zip",
        "Charts, PNG",
        "Each chart of the page as a file of its own, 1,440 pixels wide",
    ),
    Export("run.csv", _csv, "text/csv", "Table, CSV", "Every statistic of every remembered step"),
    Export(
        "run.parquet",
        _parquet,
        "application/vnd.apache.parquet",
        "Table, Parquet",
        "The same table, smaller and with its types",
    ),
    Export(
        "run.npz",
        _npz,
        "application/x-npz",
        "Weights, NPZ",
        "Every weight and gradient of every remembered step, for NumPy",
        alone=True,
    ),
    Export(
        "tensorboard.zip",
        _tensorboard,
        "application/zip",
        "TensorBoard log",
        "Event files: unpack them and point TensorBoard at the folder",
    ),
    Export("cite.txt", _cite),
)

#: Those that the page has a button for.
DOWNLOADS = tuple(each for each in EXPORTS if each.label)
