"""What a reader takes home: script, TensorBoard log, tables, poster, snippet and citation.

Each is a pure function of an experiment, or of histories by their lane's name; arguments and
functions can be pickled, so that any of them can run in a worker. Two must when a page is served:
:func:`tensorboard_zip` needs TensorFlow, and while a poster is rendered no other thread runs.
"""

from collections.abc import Mapping

from export.page import bibtex, cite, embed_snippet
from export.poster import Lane, poster_png, poster_svg
from export.script import script
from export.table import snapshots_npz, table_csv, table_parquet
from model.history import History

__all__ = [
    "Lane",
    "bibtex",
    "cite",
    "embed_snippet",
    "poster_png",
    "poster_svg",
    "script",
    "snapshots_npz",
    "table_csv",
    "table_parquet",
    "tensorboard_zip",
]


def tensorboard_zip(histories: Mapping[str, History]) -> bytes:
    """:func:`export.tensorboard.tensorboard`, named without importing TensorFlow."""
    from export.tensorboard import tensorboard

    return tensorboard(histories)
