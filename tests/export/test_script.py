"""The script that a reader takes home gives the page's numbers, and reads as if written by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from export.script import script
from model import PRESETS, Experiment, Run
from model.experiment import BOUNDS, Choice, Value

ROOT = Path(__file__).parents[2]
DRAWS = 20
PROCESSES = 3


def drawn() -> list[Experiment]:
    """Twenty experiments over all fields; every option of every choice is among them."""
    rng = np.random.default_rng(6)
    columns: dict[str, list[Value]] = {
        "layers": [int(n) for n in rng.integers(2, 9, DRAWS)],
        "width": [int(n) for n in rng.integers(1, 65, DRAWS)],
        "weight_scale": [float(10**p) for p in rng.uniform(-4, 0, DRAWS)],
        "bias_scale": [float(b) for b in rng.uniform(-0.3, 0.3, DRAWS)],
        "batch": [int(n) for n in rng.choice([1, 1, 2, 7, 64, 256], DRAWS)],
        "learning_rate": [float(10**p) for p in rng.uniform(-4, -1.5, DRAWS)],
        "clip": [float(c) for c in rng.choice([0, 0.05, 4.5], DRAWS)],
        "steps": [int(n) for n in rng.integers(1, 3_000, DRAWS)],
        "seed": [int(n) for n in rng.integers(0, 2**31, DRAWS)],
    }
    for name, bound in BOUNDS.items():
        if isinstance(bound, Choice):
            enough = -(-DRAWS // len(bound.options))
            columns[name] = [str(o) for o in rng.permutation(bound.options * enough)[:DRAWS]]
    return [
        Experiment(**{name: column[i] for name, column in columns.items()})  # type: ignore[arg-type]
        for i in range(DRAWS)
    ]


# Runs one script after the other: TensorFlow takes longer to import than they take to run.
RUN_ALL = """
import runpy, sys
for name in sys.argv[1:]:
    print("script", name)
    runpy.run_path(name, run_name="__main__")
"""


def printed(sources: Sequence[str], folder: Path) -> list[str]:
    """What each of the scripts prints, in a process that is theirs."""
    for n, source in enumerate(sources):
        (folder / f"{n}.py").write_text(source, encoding="utf-8")
    # From elsewhere and isolated, so that none of our packages could be imported.
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN_ALL, *(f"{n}.py" for n in range(len(sources)))],
        cwd=folder,
        # Nor how XLA is to compile: the script has to know that by itself.
        env={k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
        | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return re.split(r"^script .*\n", done.stdout, flags=re.M)[1:]


def figures(text: str) -> tuple[float, np.ndarray, np.ndarray]:
    """The last loss, the inputs and the estimates that a script has printed."""
    losses = re.findall(r"^step .* loss (\S+)$", text, re.M)
    pairs = re.findall(r"^input (\S+) +estimate (\S+)$", text, re.M)
    inputs, estimates = np.array(pairs, float).T
    return float(losses[-1]), inputs, estimates


@pytest.mark.parametrize("part", range(PROCESSES))
def test_the_script_in_a_process_of_its_own_ends_where_the_run_does(
    part: int, tmp_path: Path
) -> None:
    runs = [Run(experiment) for experiment in drawn()[part::PROCESSES]]
    for run in runs:
        run.advance(run.experiment.steps)
    texts = printed([script(run.experiment, run.step) for run in runs], tmp_path)
    for run, text in zip(runs, texts, strict=True):
        loss, inputs, estimates = figures(text)
        assert len(inputs) == 10
        np.testing.assert_allclose(loss, run.loss, rtol=1e-5)
        wanted = run.estimate(inputs)
        # Where an estimate crosses zero no digit of it is certain: there its size is the others'.
        np.testing.assert_allclose(
            estimates, wanted, rtol=1e-5, atol=1e-6 * float(np.abs(wanted).max())
        )


def test_the_script_prints_a_loss_for_every_tenth_of_the_run(tmp_path: Path) -> None:
    file = tmp_path / "run.py"
    file.write_text(script(PRESETS["three_layers"], 200), encoding="utf-8")
    printed = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, check=True, timeout=300
    ).stdout
    run = Run(PRESETS["three_layers"])
    wanted = []
    for step in range(20, 201, 20):
        run.advance(20)
        wanted.append(f"step {step:>9,}   loss {run.loss:.9g}")
    assert printed.splitlines()[:-10] == wanted


@pytest.mark.parametrize("experiment", [*PRESETS.values(), *drawn()])
def test_a_script_that_ruff_would_complain_about_is_not_given_away(experiment: Experiment) -> None:
    source = script(experiment, url="https://example.org/?" + "a" * 200)
    # What keeps TensorFlow off the page is not a rule for scripts.
    for command in (["check", "--ignore", "TID251"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", ROOT / "pyproject.toml", "-"],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_names_only_libraries_that_everybody_has() -> None:
    imported = re.findall(r"^(?:import|from) (\w+)", script(Experiment()), re.M)
    assert set(imported) == {"itertools", "keras", "numpy", "os", "tensorflow"}


def test_a_long_run_of_large_batches_never_asks_for_all_inputs_at_once() -> None:
    source = script(Experiment(batch=256, steps=5_000_000))
    (per_call,) = re.findall(r"^STEPS_PER_CALL = (\S+)", source, re.M)
    assert int(per_call) * 256 < 1_100_000


def test_a_script_of_no_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 step, not 0"):
        script(Experiment(), 0)
