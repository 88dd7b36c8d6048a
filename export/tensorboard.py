"""The TensorBoard log: a zip of event files, one folder a run, written with ``tf.summary``.

Tags are those of the answer's helper code: ``W``, ``W_grad``, ``b``, ``b_grad``, ``W1``, … for the
histograms. Added are the scalars ``loss``, ``mean_loss`` and ``W_grad_rms``, …, the last two over
the steps since the one remembered before, and a text ``experiment``. Its steps are the remembered
ones.

The figures go through ``tf.summary.write`` with the metadata of TensorBoard's own plug-ins:
``tf.summary.histogram`` would need TensorBoard installed on the server, and a run of eight layers
would take it ten times as long.

Needs TensorFlow: on the page this runs in a worker. It is a pure function of what can be pickled.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

from model.describe import describe, shown_name
from model.history import History
from model.state import Float32, Float64

# TensorBoard's own number of buckets.
BUCKETS = 30

_README = """\
The Middle Layer: TensorBoard logs.

Unpack, then: tensorboard --logdir .

{runs}

Histograms (30 equal buckets between the least and the largest entry, as TensorBoard takes them):
W, b, W1, ... are the weights and biases after the step; W_grad, ... the gradient of that one step,
loss per unit of the parameter, before clipping. Entries that are no finite number are left out.
Scalars: loss is the squared error of that one step; mean_loss, W_grad_rms, ... go over all steps
since the one before in the log. Time stamps are those of the writing, not of the training.
"""


def tensorboard(histories: Mapping[str, History]) -> bytes:
    """The zip, one run for each of ``histories`` under its name."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        tempfile.TemporaryDirectory() as folder,
    ):
        archive.writestr("README.txt", _readme(histories))
        for index, (name, history) in enumerate(histories.items()):
            _write(Path(folder, str(index)), history)
            (file,) = Path(folder, str(index)).iterdir()
            # A name of our own: TensorFlow's holds the server's host name.
            archive.write(file, f"{_safe(name)}/events.out.tfevents.{index}.middle-layer")
    return buffer.getvalue()


def _readme(histories: Mapping[str, History]) -> str:
    lines = [f"{_safe(name)}: {describe(h.experiment)}" for name, h in histories.items()]
    return _README.format(runs="\n".join(lines))


def _safe(name: str) -> str:
    """A folder's name on every system, and never one that leads out of the archive."""
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "run"


def _write(folder: Path, history: History) -> None:
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        about = f"{describe(history.experiment)}\n\n`{json.dumps(asdict(history.experiment))}`"
        _log("experiment", tf.constant(about), 0, "text")
        tensors, mean_loss = history.tensors, history.mean_loss
        for i, step in enumerate(history.steps.tolist()):
            _log("loss", history.loss[i], step, "scalars")
            _log("mean_loss", mean_loss[i], step, "scalars")
            for tensor, series in tensors.items():
                name = shown_name(history.experiment.layers, tensor)
                _log(name, buckets(series.values[i]), step, "histograms")
                _log(f"{name}_grad", buckets(series.gradients[i]), step, "histograms")
                _log(f"{name}_grad_rms", series.rms[i], step, "scalars")
    writer.close()


def _log(tag: str, tensor: Any, step: int, plugin: str) -> None:
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = plugin
    kinds = {"scalars": 1, "text": 2, "histograms": 2}  # DATA_CLASS_SCALAR, DATA_CLASS_TENSOR
    metadata.data_class = kinds[plugin]
    tf.summary.write(tag, tensor, step=step, metadata=metadata)


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
