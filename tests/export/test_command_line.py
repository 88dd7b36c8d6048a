"""A paper's figure can be made again from its link, without a screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export.command_line import main
from model import Experiment, Run

ROOT = Path(__file__).parents[2]


def test_a_link_becomes_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "figures"
    url = "https://example.org/?layers=3&vs.layers=2&steps=120&chapter=stops"
    assert main([url, "--export", str(folder)]) == 0
    lanes = {f"{lane}{suffix}" for lane in ("first", "second") for suffix in (".py", ".npz")}
    posters = {f"poster{t}.{kind}" for t in ("", "-dark") for kind in ("svg", "png")}
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *lanes,
        *posters,
        "charts-svg.zip",
        "charts-png.zip",
        "run.csv",
        "run.parquet",
        "tensorboard.zip",
        "cite.txt",
    }
    printed = capsys.readouterr()
    for name in names:
        assert str(folder / name) in printed.out
    assert url in (folder / "first.py").read_text(encoding="utf-8")
    assert url in (folder / "cite.txt").read_text(encoding="utf-8")
    for lane, layers in (("first", 3), ("second", 2)):
        run = Run.at(Experiment(layers=layers, steps=120), 120)
        with np.load(folder / f"{lane}.npz") as file:
            np.testing.assert_array_equal(file["steps"], run.history.steps)
            np.testing.assert_array_equal(file["W"], run.history.tensors["W"].values)
        assert f"loss {run.loss:.9g} at step 120" in printed.out


@pytest.mark.parametrize(
    ("arguments", "step"),
    [
        (["layers=3&steps=90"], 90),
        (["?layers=3&steps=90&step=40"], 40),
        (["layers=3&steps=90&step=40", "--steps", "60"], 60),
        (["--steps", "30"], 30),
    ],
)
def test_it_goes_as_far_as_it_is_told(
    arguments: list[str], step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert f"at step {step}\n" in printed.out
    assert f"100%  {step} of {step} steps" in printed.err


def test_what_cannot_be_read_of_a_link_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers=9&steps=2"]) == 0
    assert "layers must be a whole number from 2 to 8" in capsys.readouterr().err


def test_a_run_that_diverges_ends_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers=4&weights=he_uniform&learning_rate=3&clip=0&steps=5000"]) == 0
    assert "Diverged" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["0", "-3", "5000001", "1e3", "many"])
def test_steps_out_of_bounds_are_refused_in_words(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        main([f"--steps={wrong}"])
    assert error.value.code == 2
    assert "must be a whole number from 1 to 5,000,000" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_to_is_refused_before_the_training(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as error:
        main(["layers=3", "--export", str(tmp_path / wrong)])
    assert error.value.code == 2
    printed = capsys.readouterr()
    assert "must be a folder that can be written to" in printed.err
    assert "loss" not in printed.out  # nothing has been trained


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "export", "layers=3", "--steps", "20"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.startswith("first: 3 layers of width 16")
    assert "at step 20" in done.stdout
