"""What a link's experiment comes to: a title, a sentence, and a picture, within a budget.

Anybody may ask for any link, so all of it is bounded. The run behind a card takes the workers that
the readers train with: it is cut into pieces shorter than a frame, has a budget, and never makes
the workers compile a graph. The picture takes a tenth of a second of a core: it is drawn in the
worker for heavy jobs, which yields to everything else. One at a time, a few in the queue, each
kept.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace

from charts import Picture
from charts.pictures import estimate_of, flow_of, histories_of
from charts.theme import LANES
from live.jobs import Busy, Jobs
from model.describe import describe, titles
from model.diagnosis import Verdict, diagnose
from model.experiment import Experiment
from model.link import Link, write
from model.run import Run
from model.workers import Workers, heavy_workers, is_compiled
from serving.picture import draw

# Altair looks for it among the modules, where the first reader's script may just have begun to
# import it: half of it is no use to the thread of a card.
importlib.import_module("pandas")

# Seconds of a worker that the run behind a card may take, and that one piece of it may.
_BUDGET = 0.25
_PIECE = 0.02

# Steps of the first piece, when nobody knows what a step costs.
_FEELER = 200

# Cards kept, each with a picture of some 40 kB, and cards that may wait.
_KEPT = 64
_QUEUED = 64

NAME = "The Middle Layer"


@dataclass(frozen=True)
class Card:
    """What is said of a link, as plain text."""

    title: str
    sentence: str
    charts: tuple[Picture, ...] = ()  # when the networks were run


def canonical(link: Link) -> Link:
    """The part of a link that its card depends on."""
    return replace(link, train=False, chapter=None, hide=frozenset(), messages=())


def plain_card(link: Link) -> Card:
    """What can be said without running anything."""
    return Card(NAME, f"A network that you can watch learn, or not: {_described(link)}.")


def ran_card(link: Link, pool: Workers) -> Card:
    """What can be said after as much of the run as the budget allows."""
    experiments = [e for e in (link.experiment, link.versus) if e is not None]
    if not all(is_compiled(e) for e in experiments):
        return plain_card(link)
    budget = _BUDGET / len(experiments)
    runs = [train(Run(e, pool.advance), link.step or e.steps, budget, pool) for e in experiments]
    found = [diagnose(run) for run in runs]
    named = dict(zip(LANES, runs, strict=False))
    now = {name: run.history.at(run.step) for name, run in named.items()}
    end = max(run.step for run in runs)
    return Card(
        f"{headline([d.verdict for d in found], experiments)} · {NAME}",
        " ".join(f"After {r.step:,} steps: {d.sentence}" for r, d in zip(runs, found, strict=True)),
        (estimate_of(now), flow_of(histories_of(named), end, end)),
    )


def headline(verdicts: Sequence[Verdict], experiments: Sequence[Experiment]) -> str:
    """What the experiments show, as a title."""
    if len(experiments) == 1:
        (one,), (verdict,) = experiments, verdicts
        return f"{one.layers} layers: {verdict}"
    named = titles(dict(zip(LANES, experiments, strict=True)))
    awake = [verdict in ("learning", "learned") for verdict in verdicts]
    if awake[0] == awake[1]:
        return " vs. ".join(f"{n}: {v}" for n, v in zip(named.values(), verdicts, strict=True))
    works, fails = experiments if awake[0] else reversed(experiments)
    if fails == replace(works, layers=works.layers + 1):
        return "One more layer, and it stops learning"
    first, second = named.values() if awake[0] else reversed(named.values())
    return f"With {first} it learns, with {second} it does not"


def _described(link: Link) -> str:
    first = describe(link.experiment)
    return first if link.versus is None else f"{first}; beside it: {describe(link.versus)}"


def train(run: Run, steps: int, budget: float, pool: Workers) -> Run:
    """Advance ``run`` to ``steps``, or as far as ``budget`` seconds of a worker go."""
    run.advance(min(steps, _FEELER))
    while run.step < steps and run.diverged is None and budget > 0:
        cost = pool.seconds_per_step(run.experiment) or _PIECE / _FEELER
        piece = max(1, min(steps - run.step, int(_PIECE / cost)))
        run.advance(piece)
        budget -= piece * cost
    return run


def picture_of(card: Card) -> bytes:
    """The PNG of ``card``, drawn in the worker for heavy jobs."""
    return heavy_workers().call(
        draw, card.title.removesuffix(f" · {NAME}"), card.sentence, card.charts
    )


class Cards:
    """The cards and pictures of this server, each made in the background and kept."""

    def __init__(self, pool: Callable[[], Workers]) -> None:
        self._pool = pool
        # Two queues: a picture waits for its card.
        self._cards, self._pictures = Jobs(_QUEUED, _KEPT), Jobs(_QUEUED, _KEPT)

    def card(self, link: Link) -> Future[Card] | None:
        """The card of ``link``, perhaps still to come; None when too many wait already."""
        with suppress(Busy):
            return self._cards.ask(write(link), lambda: ran_card(link, self._pool()))
        return None

    def picture(self, link: Link) -> Future[bytes] | None:
        """The picture of ``link``, likewise."""
        with suppress(Busy):
            return self._pictures.ask(write(link), lambda: self._draw(link))
        return None

    def _draw(self, link: Link) -> bytes:
        asked = self.card(link)
        return picture_of(asked.result() if asked is not None else plain_card(link))
