"""The tables: what runs remember, in long form as CSV and Parquet, and raw as NumPy's ``.npz``.

Long form is one number a row, which every statistics program can filter and plot:

    run, experiment, step, layer, kind, statistic, value, unit

``run`` is the lane's name, ``experiment`` the query of its link, so that a table says by itself
what was trained; ``layer`` is the tensor (``W``, ``b``, ``W1``, …), a hidden layer's output
(``O``, ``O1``, … as the question names them) or ``network``; ``kind`` is one of :data:`UNITS`,
which says what its values are, and ``unit`` what they are measured in.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from model.describe import describe, shown_name
from model.experiment import Experiment
from model.history import PROBE, History
from model.link import Link, write
from model.network import hidden
from model.state import Float32, Float64

#: What the values of each kind are.
KINDS: Mapping[str, str] = {
    "value": "a parameter's entries after the step",
    "gradient": "loss per unit of the parameter, before clipping; of that one step, but for "
    "rms_since, which goes over all steps since the row before",
    "output": "a hidden layer's outputs at the 41 inputs; silent counts the units that are zero "
    "for all of them",
    "loss": "squared error; of that one step, and the mean over all steps since the row before",
    "estimate": "the network's answer to the input that the statistic names; the input is the "
    "right answer",
}

#: What they are measured in: inputs, and so everything else, are numbers without dimension.
UNITS: Mapping[str, str] = {
    "value": "1",
    "gradient": "loss per unit of the parameter",
    "output": "1",
    "loss": "squared error",
    "estimate": "1",
}

_COLUMNS = pa.schema(
    [
        pa.field("run", pa.string(), metadata={"about": "the name of the run"}),
        pa.field("experiment", pa.string(), metadata={"about": "the query of its link"}),
        pa.field("step", pa.int64(), metadata={"about": "training steps taken"}),
        pa.field("layer", pa.string(), metadata={"about": "tensor, output or network"}),
        pa.field("kind", pa.string(), metadata={"about": ", ".join(KINDS)}),
        pa.field("statistic", pa.string(), metadata={"about": "what was taken of the entries"}),
        pa.field("value", pa.float64(), metadata={"about": "see kind and unit"}),
        pa.field("unit", pa.string(), metadata={"about": "what the value is measured in"}),
    ]
)


def table(histories: Mapping[str, History]) -> pa.Table:
    """All that the runs remember, in long form; its schema's metadata names the experiments.

    Singles are widened to doubles, which keeps them exactly. What is no number stays so: NaN and
    infinities of a diverged run are in the table.
    """
    parts = [_long(name, history) for name, history in histories.items()]
    return pa.concat_tables(parts or [_COLUMNS.empty_table()]).replace_schema_metadata(
        _metadata(histories)
    )


def table_csv(histories: Mapping[str, History]) -> bytes:
    """The long table as CSV, its header first: every reader gives the table of the Parquet file.

    >>> pandas.read_csv("run.csv")  # doctest: +SKIP
    >>> polars.read_csv("run.csv")  # doctest: +SKIP
    >>> duckdb.read_csv("run.csv")  # doctest: +SKIP
    """
    buffer = io.BytesIO()
    csv.write_csv(table(histories), buffer, csv.WriteOptions(quoting_style="needed"))
    return buffer.getvalue()


def table_parquet(histories: Mapping[str, History]) -> bytes:
    """The long table as Parquet; the experiments and the units are in the schema's metadata."""
    buffer = io.BytesIO()
    parquet.write_table(table(histories), buffer)
    return buffer.getvalue()


def snapshots_npz(history: History) -> bytes:
    """The remembered steps as they are, float32, for ``numpy.load``.

    ``steps [n]``, ``loss [n]``, ``mean_loss [n]``; for each tensor its values ``W [n, *shape]``,
    its gradients ``W_grad [n, *shape]`` and their root mean square over the steps since the one
    before, ``W_grad_rms [n]``; ``inputs [41]`` and the ``estimates [n, 41]`` there; ``experiment``,
    ``about``, ``kinds`` and ``units`` as texts.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        "steps": history.steps,
        "loss": history.loss,
        "mean_loss": history.mean_loss,
        "inputs": PROBE,
        "estimates": history.estimates,
        "experiment": np.array(json.dumps(asdict(history.experiment))),
        "about": np.array(describe(history.experiment)),
        "units": np.array(json.dumps(UNITS)),
        "kinds": np.array(json.dumps(KINDS)),
    }
    for tensor, series in history.tensors.items():
        name = shown_name(history.experiment.layers, tensor)
        arrays[name] = series.values
        arrays[f"{name}_grad"] = series.gradients
        arrays[f"{name}_grad_rms"] = series.rms
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _metadata(histories: Mapping[str, History]) -> dict[str, str]:
    about = {"The Middle Layer": "one number a row; every figure is without dimension"}
    for name, history in histories.items():
        about[f"experiment {name}"] = json.dumps(asdict(history.experiment))
    return about | {f"kind {kind}": meaning for kind, meaning in KINDS.items()}


def _long(run: str, history: History) -> pa.Table:
    keys, values = zip(*_columns(history), strict=True)
    n, m = len(history), len(values)
    layers, kinds, statistics = zip(*keys, strict=True)
    # Step by step, and within a step in the network's order: as one would read it aloud.
    columns = [
        [run] * (n * m),
        [query(history.experiment)] * (n * m),
        np.repeat(history.steps, m),
        layers * n,
        kinds * n,
        statistics * n,
        np.stack(values, axis=1).ravel(),
        [UNITS[kind] for kind in kinds] * n,
    ]
    return pa.table(columns, schema=_COLUMNS)


def query(experiment: Experiment) -> str:
    """The query of the experiment's link, which is never empty: ``layers=2`` says the default.

    >>> query(Experiment(layers=3, seed=7))
    'layers=3&seed=7'
    """
    return write(Link(experiment)) or f"layers={experiment.layers}"


def _columns(history: History) -> Iterable[tuple[tuple[str, str, str], Float64]]:
    """Each statistic through the remembered steps ``[n]``, with its layer, kind and name."""
    yield ("network", "loss", "at_step"), history.loss.astype(np.float64)
    yield ("network", "loss", "mean_since"), history.mean_loss.astype(np.float64)
    for tensor, series in history.tensors.items():
        name = shown_name(history.experiment.layers, tensor)
        for kind, entries in (("value", series.values), ("gradient", series.gradients)):
            for statistic, values in _statistics(entries):
                yield (name, kind, statistic), values
        yield (name, "gradient", "rms_since"), series.rms.astype(np.float64)
    flat = np.stack([history.at(int(step)).vector for step in history.steps])
    for k, outputs in enumerate(hidden(history.experiment, flat, PROBE)):
        layer = f"O{k or ''}"
        for statistic, values in _statistics(outputs):
            yield (layer, "output", statistic), values
        silent = (outputs == 0).all(axis=1).sum(axis=1)
        yield (layer, "output", "silent"), silent.astype(np.float64)
    for x, answers in zip(PROBE, history.estimates.T, strict=True):
        yield ("network", "estimate", f"at_{x:+.2f}"), answers.astype(np.float64)


def _statistics(entries: Float32) -> Iterable[tuple[str, Float64]]:
    """The statistics of a tensor ``[n, …]`` at each of n steps ``[n]``, taken in double."""
    flat = entries.reshape(len(entries), -1).astype(np.float64)
    with np.errstate(all="ignore"):  # a diverged run has its NaN and infinities shown
        yield "mean", flat.mean(axis=1)
        yield "std", flat.std(axis=1)
        yield "rms", np.sqrt(np.square(flat).mean(axis=1))
        yield "min", flat.min(axis=1)
        yield "max", flat.max(axis=1)
        yield "zeros", (flat == 0).mean(axis=1)
