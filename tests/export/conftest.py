"""Runs that the tests of the exports share: training them is the slow part."""

from __future__ import annotations

import pytest

from model import PRESETS, Experiment, Run
from model.history import History


def trained(experiment: Experiment, steps: int) -> Run:
    run = Run(experiment)
    run.advance(steps)
    return run


@pytest.fixture(scope="session")
def runs() -> dict[str, Run]:
    """A comparison as the page shows it, in the middle of training."""
    return {
        "first": trained(PRESETS["three_layers"], 1_300),
        "second": trained(PRESETS["two_layers"], 1_300),
    }


@pytest.fixture(scope="session")
def histories(runs: dict[str, Run]) -> dict[str, History]:
    return {name: run.history for name, run in runs.items()}


@pytest.fixture(scope="session")
def diverged() -> Run:
    """A run that ended in infinities."""
    run = trained(
        Experiment(layers=4, weights="he_uniform", learning_rate=3.0, clip=0, steps=60), 60
    )
    assert run.diverged is not None
    return run


@pytest.fixture(scope="session")
def largest() -> Run:
    """The widest and deepest network there is, with as many snapshots as it may have."""
    return trained(Experiment(layers=8, width=64, weights="he_normal"), 80)
