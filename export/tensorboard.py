"""The TensorBoard log: a zip of event files, one folder a run.

Tags are those of the answer's helper code: ``W``, ``W_grad``, ``b``, ``b_grad``, ``W1``, … for the
histograms. Added are the scalars ``loss``, ``mean_loss`` and ``W_grad_rms``, …, the last two over
the steps since the one remembered before, and a text ``experiment``. Its steps are the remembered
ones.

The events are written as such, with the metadata of TensorBoard's own plug-ins, and not through
``tf.summary``: that puts the clock into each of them, so that no two servers would give the same
file, and its histograms would need TensorBoard installed.

Needs TensorFlow: on the page this runs in a worker. It is a pure function of what can be pickled.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

from export.archive import archive
from model.describe import describe, shown_name
from model.history import History
from model.state import Float32, Float64

# TensorBoard's own number of buckets.
BUCKETS = 30

# What an event file begins with.
_VERSION = "brain.Event:2"

# DATA_CLASS_SCALAR and DATA_CLASS_TENSOR, for each plug-in.
_CLASSES = {"scalars": 1, "text": 2, "histograms": 2}

_README = """\
The Middle Layer: TensorBoard logs.

Unpack, then: tensorboard --logdir .

{runs}

Histograms (30 equal buckets between the least and the largest entry, as TensorBoard takes them):
W, b, W1, ... are the weights and biases after the step; W_grad, ... the gradient of that one step,
loss per unit of the parameter, before clipping. Entries that are no finite number are left out.
Scalars: loss is the squared error of that one step; mean_loss, W_grad_rms, ... go over all steps
since the one before in the log. Time stamps are the steps, a second each from 1970 on: a run is
the same whenever it is written down.
"""


def tensorboard(histories: Mapping[str, History]) -> bytes:
    """The zip, one run for each of ``histories`` under its name."""
    files: list[tuple[str, str | bytes]] = [("README.txt", _readme(histories))]
    for index, (name, history) in enumerate(histories.items()):
        file = f"{_safe(name)}/events.out.tfevents.{index}.middle-layer"
        files.append((file, _records(history)))
    return archive(files)


def _readme(histories: Mapping[str, History]) -> str:
    lines = [f"{_safe(name)}: {describe(h.experiment)}" for name, h in histories.items()]
    return _README.format(runs="\n".join(lines))


def _safe(name: str) -> str:
    """A folder's name on every system, and never one that leads out of the archive."""
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "run"


def _records(history: History) -> bytes:
    """An event file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "events")
        with tf.io.TFRecordWriter(str(file)) as writer:
            writer.write(tf.compat.v1.Event(file_version=_VERSION).SerializeToString())
            for event in _events(history):
                writer.write(event.SerializeToString())
        return file.read_bytes()


def _events(history: History) -> Iterator[Any]:
    about = f"{describe(history.experiment)}\n\n`{json.dumps(asdict(history.experiment))}`"
    yield _event(0, [_value("experiment", about, "text")])
    tensors, mean_loss = history.tensors, history.mean_loss
    for i, step in enumerate(history.steps.tolist()):
        values = [
            _value("loss", history.loss[i], "scalars"),
            _value("mean_loss", mean_loss[i], "scalars"),
        ]
        for tensor, series in tensors.items():
            name = shown_name(history.experiment.layers, tensor)
            values += [
                _value(name, buckets(series.values[i]), "histograms"),
                _value(f"{name}_grad", buckets(series.gradients[i]), "histograms"),
                _value(f"{name}_grad_rms", series.rms[i], "scalars"),
            ]
        yield _event(step, values)


def _event(step: int, values: list[Any]) -> Any:
    summary = tf.compat.v1.Summary(value=values)
    return tf.compat.v1.Event(wall_time=step, step=step, summary=summary)


def _value(tag: str, content: Any, plugin: str) -> Any:
    metadata = tf.compat.v1.SummaryMetadata(data_class=_CLASSES[plugin])
    metadata.plugin_data.plugin_name = plugin
    tensor = tf.make_tensor_proto(content)
    return tf.compat.v1.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)


def buckets(values: Float32) -> Float64:
    """TensorBoard's histogram of a tensor: ``[30, 3]``, left edge, right edge and count.

    Where all entries are equal, so are all edges, and the last bucket has them all; of no finite
    entry there are no buckets, ``[0, 3]``: both as TensorBoard has it (its
    ``plugins/histogram/summary_v2.py``).
    """
    flat = values.ravel().astype(np.float64)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return np.zeros((0, 3))
    low, high = flat.min(), flat.max()
    if low == high:
        counts = np.zeros(BUCKETS)
        counts[-1] = flat.size
        return np.stack([np.full(BUCKETS, low), np.full(BUCKETS, high), counts], axis=1)
    edges = np.linspace(low, high, BUCKETS + 1)
    # np.histogram refuses edges that a range of a few denormals makes equal.
    index = np.clip(np.searchsorted(edges, flat, side="right") - 1, 0, BUCKETS - 1)
    counts = np.bincount(index, minlength=BUCKETS).astype(np.float64)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)
