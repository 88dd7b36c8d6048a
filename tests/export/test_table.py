"""The tables hold what the run remembers, to the last bit, and say what it is."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from export.table import UNITS, snapshots_npz, table_csv, table_parquet
from model import Run, link
from model.describe import shown_name
from model.history import PROBE, History


def read(kind: str, histories: dict[str, History]) -> pd.DataFrame:
    if kind == "csv":
        return pd.read_csv(io.BytesIO(table_csv(histories)))
    return pd.read_parquet(io.BytesIO(table_parquet(histories)))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_numbers_of_the_history_come_back_exactly(kind: str, histories: dict[str, History]) -> None:
    frame = read(kind, histories).set_index(["run", "layer", "kind", "statistic"]).sort_index()

    def column(*key: str) -> tuple[np.ndarray, np.ndarray]:
        rows = frame.loc[key].sort_values("step")
        return rows["step"].to_numpy(), rows["value"].to_numpy()

    for run, history in histories.items():
        for key, wanted in {
            ("network", "loss", "at_step"): history.loss,
            ("network", "loss", "mean_since"): history.mean_loss,
            **{
                (shown_name(history.experiment.layers, name), "gradient", "rms_since"): series.rms
                for name, series in history.tensors.items()
            },
            **{
                ("network", "estimate", f"at_{x:+.2f}"): history.estimates[:, i]
                for i, x in enumerate(PROBE)
            },
        }.items():
            steps, values = column(run, *key)
            np.testing.assert_array_equal(steps, history.steps)
            np.testing.assert_array_equal(values, wanted.astype(np.float64))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_statistics_are_those_of_the_entries(kind: str, histories: dict[str, History]) -> None:
    frame = read(kind, histories)
    history = histories["first"]
    step = int(history.steps[7])
    entries = history.at(step).gradients["W1"].astype(np.float64)
    rows = frame[
        (frame.run == "first")
        & (frame.step == step)
        & (frame.layer == "W1")
        & (frame.kind == "gradient")
    ]
    found = dict(zip(rows.statistic, rows.value, strict=True))
    wanted = {
        "mean": entries.mean(),
        "std": entries.std(),
        "rms": np.sqrt((entries**2).mean()),
        "min": entries.min(),
        "max": entries.max(),
        "zeros": np.mean(entries == 0),
        "rms_since": history.tensors["W1"].rms[7],
    }
    assert found == pytest.approx(wanted, rel=1e-12)
    assert 0 < found["zeros"] < 1


def test_silent_units_are_counted_from_the_outputs(histories: dict[str, History]) -> None:
    frame = read("parquet", histories)
    history = histories["first"]
    rows = frame[(frame.run == "first") & (frame.statistic == "silent")]
    for k, layer in enumerate(["O", "O1"]):
        counted = rows[rows.layer == layer].set_index("step").value
        for step in history.steps[::9].tolist():
            assert counted[step] == history.at(step).silent[k]


def test_a_row_is_never_there_twice(histories: dict[str, History]) -> None:
    frame = read("csv", histories)
    assert not frame.duplicated(["run", "step", "layer", "kind", "statistic"]).any()
    assert set(frame.kind) == set(UNITS)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_each_row_says_which_experiment_it_is_of_and_in_which_unit(
    kind: str, histories: dict[str, History]
) -> None:
    frame = read(kind, histories)
    for name, history in histories.items():
        (experiment,) = frame[frame.run == name].experiment.unique()
        assert experiment
        assert link.read(experiment).experiment == history.experiment
    assert {k: set(v) for k, v in frame.groupby("kind").unit} == {
        kind: {unit} for kind, unit in UNITS.items()
    }


def test_parquet_carries_the_experiments_whole(histories: dict[str, History]) -> None:
    metadata = parquet.read_schema(io.BytesIO(table_parquet(histories))).metadata
    about = {k.decode(): v.decode() for k, v in metadata.items()}
    for name, history in histories.items():
        assert json.loads(about[f"experiment {name}"]) == asdict(history.experiment)
    assert all(about[f"kind {kind}"] for kind in UNITS)


READERS: dict[str, Callable[[Path, str], pa.Table]] = {
    "pandas": lambda path, kind: pa.Table.from_pandas(
        getattr(pd, f"read_{kind}")(path), preserve_index=False
    ),
    "polars": lambda path, kind: getattr(pl, f"read_{kind}")(path).to_arrow(),
    "duckdb": lambda path, kind: getattr(duckdb, f"read_{kind}")(str(path)).to_arrow_table(),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("which", ["learns", "diverged"])
def test_a_csv_read_as_people_read_it_is_the_parquet_file(
    reader: str, which: str, histories: dict[str, History], diverged: Run, tmp_path: Path
) -> None:
    runs = histories if which == "learns" else {"first": diverged.history}
    (tmp_path / "run.csv").write_bytes(table_csv(runs))
    (tmp_path / "run.parquet").write_bytes(table_parquet(runs))
    found, wanted = (READERS[reader](tmp_path / f"run.{k}", k) for k in ("csv", "parquet"))
    assert found.schema.remove_metadata() == wanted.schema.remove_metadata()
    for name in wanted.column_names:
        mine, theirs = (t[name].to_numpy() for t in (found, wanted))
        if name == "value":
            np.testing.assert_array_equal(mine, theirs)  # NaN is NaN, infinity infinity
        else:
            assert mine.tolist() == theirs.tolist()


def test_infinities_of_a_diverged_run_are_kept(diverged: Run) -> None:
    for kind in ("csv", "parquet"):
        frame = read(kind, {"first": diverged.history})
        values = frame[frame.layer == "W"].value
        assert len(values) == 13 * len(diverged.history)
        losses = frame[(frame.statistic == "at_step")].value.to_numpy()
        np.testing.assert_array_equal(losses, diverged.history.loss.astype(np.float64))
        assert not np.isfinite(losses[-1])


@pytest.mark.parametrize("which", ["small", "largest", "diverged"])
def test_snapshots_come_back_bit_for_bit(
    which: str, histories: dict[str, History], largest: Run, diverged: Run
) -> None:
    history = {
        "small": histories["first"],
        "largest": largest.history,
        "diverged": diverged.history,
    }[which]
    with np.load(io.BytesIO(snapshots_npz(history)), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["steps"], history.steps, strict=True)
        np.testing.assert_array_equal(file["loss"], history.loss, strict=True)
        np.testing.assert_array_equal(file["mean_loss"], history.mean_loss, strict=True)
        np.testing.assert_array_equal(file["estimates"], history.estimates, strict=True)
        np.testing.assert_array_equal(file["inputs"], PROBE, strict=True)
        for name, series in history.tensors.items():
            np.testing.assert_array_equal(file[name], series.values, strict=True)
            np.testing.assert_array_equal(file[f"{name}_grad"], series.gradients, strict=True)
            np.testing.assert_array_equal(file[f"{name}_grad_rms"], series.rms, strict=True)
        assert json.loads(str(file["experiment"])) == asdict(history.experiment)
        assert json.loads(str(file["units"])) == dict(UNITS)
