"""TensorBoard's own reader gets back from the log what the run remembers."""

from __future__ import annotations

import io
import pickle
import socket
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.histogram import summary_v2
from tensorboard.util import tensor_util

from export import tensorboard_zip
from export.tensorboard import buckets, tensorboard
from model import Run
from model.describe import shown_name
from model.history import History

# As many of each tag as there are: the reader samples by default.
ALL = {"tensors": 0}


def unpacked(histories: dict[str, History], folder: Path) -> Path:
    zipfile.ZipFile(io.BytesIO(tensorboard(histories))).extractall(folder)
    return folder


def read(folder: Path) -> EventAccumulator:
    reader = EventAccumulator(str(folder), ALL)
    reader.Reload()
    return reader


def test_every_tag_and_step_of_both_lanes_comes_back(
    histories: dict[str, History], tmp_path: Path
) -> None:
    unpacked(histories, tmp_path)
    for name, history in histories.items():
        reader = read(tmp_path / name)
        by_plugin: dict[str, set[str]] = {
            plugin: {
                tag
                for tag in reader.Tags()["tensors"]
                if reader.SummaryMetadata(tag).plugin_data.plugin_name == plugin
            }
            for plugin in ("histograms", "scalars", "text")
        }
        tensors = [shown_name(history.experiment.layers, name) for name in history.tensors]
        assert by_plugin["histograms"] == {*tensors, *(f"{t}_grad" for t in tensors)}
        rms = {f"{t}_grad_rms" for t in tensors}
        assert by_plugin["scalars"] == {"loss", "mean_loss", *rms}
        assert by_plugin["text"] == {"experiment"}
        for tag in by_plugin["histograms"] | by_plugin["scalars"]:
            steps = [event.step for event in reader.Tensors(tag)]
            assert steps == history.steps.tolist()


def test_scalars_come_back_exactly(histories: dict[str, History], tmp_path: Path) -> None:
    history = histories["first"]
    reader = read(unpacked(histories, tmp_path) / "first")
    for tag, wanted in {
        "loss": history.loss,
        "mean_loss": history.mean_loss,
        "W1_grad_rms": history.tensors["W1"].rms,
    }.items():
        found = [tensor_util.make_ndarray(e.tensor_proto) for e in reader.Tensors(tag)]
        np.testing.assert_array_equal(found, wanted)


def test_histogram_counts_sum_to_the_size_of_the_tensor(
    histories: dict[str, History], tmp_path: Path
) -> None:
    reader = read(unpacked(histories, tmp_path) / "first")
    for name, series in histories["first"].tensors.items():
        for tag, entries in ((name, series.values), (f"{name}_grad", series.gradients)):
            for event, wanted in zip(reader.Tensors(tag), entries, strict=True):
                histogram = tensor_util.make_ndarray(event.tensor_proto)
                assert histogram[:, 2].sum() == wanted.size
                assert histogram[0, 0] == wanted.min()
                assert histogram[-1, 1] == wanted.max()


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=(16, 16)),
        np.random.default_rng(1).normal(size=300) * 1e-30,
        [0.25],
        np.zeros(7),
        [-1.0, 1.0],
    ],
    ids=["bell", "tiny", "one", "zeros", "ends"],
)
def test_buckets_are_those_that_tensorboard_takes_itself(values: object) -> None:
    entries = np.asarray(values, np.float32)
    ours, theirs = buckets(entries), summary_v2._buckets(entries).numpy()
    # Edges may differ in the last digit, and so the bucket of an entry that lies on one.
    np.testing.assert_allclose(ours[:, :2], theirs[:, :2], rtol=1e-12, atol=1e-60)
    assert np.abs(ours[:, 2] - theirs[:, 2]).sum() <= 2
    assert ours[:, 2].sum() == entries.size


def test_every_entry_is_counted_where_only_denormals_tell_them_apart() -> None:
    # TensorFlow takes denormals for zero, and would have one edge thirty times.
    histogram = buckets(np.array([0.0, 1e-45], np.float32))
    assert histogram[0, 2] == histogram[-1, 2] == 1


def test_infinities_and_nan_are_left_out_of_histograms(diverged: Run, tmp_path: Path) -> None:
    assert buckets(np.array([np.nan, np.inf, -np.inf], np.float32)).shape == (0, 3)
    assert buckets(np.array([np.nan, 1, 2], np.float32))[:, 2].sum() == 2
    reader = read(unpacked({"first": diverged.history}, tmp_path) / "first")
    assert len(reader.Tensors("W")) == len(diverged.history)


def test_a_run_named_to_escape_from_the_archive_stays_in_it(histories: dict[str, History]) -> None:
    archive = zipfile.ZipFile(
        io.BytesIO(tensorboard({"../../etc/x": histories["first"], "…": histories["second"]}))
    )
    names = archive.namelist()
    assert all(not name.startswith(("/", "..")) and name.count("/") <= 1 for name in names)
    assert len(set(names)) == 3


def test_the_log_is_the_same_whoever_writes_it_and_whenever(
    histories: dict[str, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tensorboard(histories)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    time.sleep(0.01)  # TensorFlow's own clock cannot be set
    assert tensorboard(histories) == first


def test_the_log_does_not_name_the_server(histories: dict[str, History]) -> None:
    archive = zipfile.ZipFile(io.BytesIO(tensorboard({"first": histories["first"]})))
    assert not any(socket.gethostname() in name for name in archive.namelist())


def test_the_readme_tells_which_run_is_which(histories: dict[str, History]) -> None:
    archive = zipfile.ZipFile(io.BytesIO(tensorboard(histories)))
    readme = archive.read("README.txt").decode()
    assert "first: 3 layers of width 16" in readme
    assert "second: 2 layers of width 16" in readme


def test_the_writer_can_be_sent_to_a_worker(histories: dict[str, History]) -> None:
    function, arguments = pickle.loads(pickle.dumps((tensorboard_zip, histories)))
    assert zipfile.ZipFile(io.BytesIO(function(arguments))).testzip() is None
