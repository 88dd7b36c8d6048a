"""What a worker can be asked to do.

Pure functions of what can be pickled, which a process without TensorFlow can name. They import what
they need where they run, and nothing that they need imports this module. (Downloads are asked for
by their own name: ``export.downloads.make``.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from model.chapters import CHAPTERS
from model.experiment import PRESETS, Experiment
from model.memory import give_back, loading_less
from model.run import Run, in_process
from model.state import Snapshots, State

if TYPE_CHECKING:
    from model.atlas import Atlas, Plan, Spread

# How far a worker of the others' stands behind those who draw, and one of the heavy jobs.
_BEHIND, _FAR_BEHIND = 3, 10

# The experiments whose graphs a warm worker has: a reader turns to them with one click.
STORY = (
    *PRESETS.values(),
    *(each for chapter in CHAPTERS.values() for each in (chapter.first, chapter.second) if each),
)


def warm_up() -> None:
    """Import TensorFlow and compile the graphs of the chapters."""
    _import_trainer()
    for experiment in STORY:
        Run(experiment).advance(1)
    give_back()


def import_tensorflow() -> None:
    """Import TensorFlow, at a lower priority than those who draw.

    What a worker has when it is warm is not counted as growth.
    """
    _stand_behind(_BEHIND)


def warm_up_for_heavy_jobs() -> None:
    """The same, at a lower priority than those who train."""
    _stand_behind(_FAR_BEHIND)


def train(
    experiment: Experiment, state: State | None, steps: int
) -> tuple[tuple[State, Snapshots], float]:
    """``advance``, and the seconds that it took without the way to the worker and back."""
    began = time.perf_counter()
    return in_process(experiment, state, steps), time.perf_counter() - began


def advance_atlas(plan: Plan, state: Atlas | None, steps: int) -> Atlas:
    """Go on with the atlas (:func:`model.fleet.advance_atlas`)."""
    from model import fleet

    return fleet.advance_atlas(plan, state, steps)


def train_and_look(experiments: Sequence[Experiment], steps: int) -> Spread:
    """Train many networks side by side (:func:`model.fleet.spread`)."""
    from model import fleet

    return fleet.spread(experiments, steps)


def _stand_behind(priority: int) -> None:
    if hasattr(os, "nice"):
        os.nice(priority)
    _import_trainer()
    give_back()


def _import_trainer() -> None:
    with loading_less():
        import model.trainer  # noqa: F401
