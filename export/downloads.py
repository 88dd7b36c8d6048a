"""The downloads of the page: one line each, made from what can be sent to another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
from export.charts import Chart, charts_zip
from model import __version__
from model.history import History


@dataclass(frozen=True)
class Take:
    """What downloads are made of: everything here can be sent to another process."""

    histories: Mapping[str, History]  # by the lane's title
    verdicts: Mapping[str, str]
    charts: Mapping[str, Chart]
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
class Download:
    """One button."""

    label: str
    file: str
    mime: str
    make: Callable[[Take], str | bytes]
    help: str


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


def _svg(take: Take) -> str:
    return poster_svg(take.lanes, take.url, __version__)


def _png(take: Take) -> bytes:
    return poster_png(take.lanes, take.url, __version__)


DOWNLOADS = (
    Download("Script", "run.py", "text/x-python", _script, "This run in plain TensorFlow, to edit"),
    Download(
        "Poster, SVG", "poster.svg", "image/svg+xml", _svg, "All charts, to print or to draw on"
    ),
    Download("Poster, PNG", "poster.png", "image/png", _png, "All charts, 2,400 pixels wide"),
    Download(
        "Charts, SVG",
        "charts-svg.zip",
        "application/zip",
        _charts_svg,
        "Each chart of the page as a file of its own, to draw on",
    ),
    Download(
        "Charts, PNG",
        "charts-png.zip",
        "application/zip",
        _charts_png,
        "Each chart of the page as a file of its own, 1,440 pixels wide",
    ),
    Download("Table, CSV", "run.csv", "text/csv", _csv, "Every statistic of every remembered step"),
    Download(
        "Table, Parquet",
        "run.parquet",
        "application/vnd.apache.parquet",
        _parquet,
        "The same table, smaller and with its types",
    ),
    Download(
        "Weights, NPZ",
        "run.npz",
        "application/x-npz",
        _npz,
        "Every weight and gradient of every remembered step, for NumPy",
    ),
    Download(
        "TensorBoard log",
        "tensorboard.zip",
        "application/zip",
        _tensorboard,
        "Event files: unpack them and point TensorBoard at the folder",
    ),
)
