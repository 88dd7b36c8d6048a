"""The atlas of sleeping networks: depth × initial scale × seed → the step at which each wakes up.

A network is awake when its estimate depends on the input: when it spans at least half the
target's range over [-1, 1]. Here is what the page needs: the plan, what is known so far, and the
theory. The training is :mod:`model.fleet`'s, which needs TensorFlow; this module needs NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import exp, hypot, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.evidence import AWAKE, EXPLODING, IGNORANT, LEARNED, SPAN
from model.experiment import Experiment
from model.history import PROBE
from model.network import GAIN
from model.state import Float32, Float64

Int64 = NDArray[np.int64]

# What became of a network. Asleep: it had not woken when the budget ended. Awake: it had, and had
# not learned. The bounds are those of the verdicts (model.evidence).
STATUSES = ("training", "asleep", "awake", "learned", "exploded", "diverged")


def probed_steps(budget: int) -> list[int]:
    """The steps at which networks are looked at: every number with two digits, then zeros.

    So 10, 20, …, 1,000, 1,100, …, 10,000, 11,000, …: a wake-up step is known to a tenth or better
    however late it is, and a look (which costs some dozen steps) is rare. The budget ends them.
    """
    steps = set(range(10, min(budget, 100), 10))
    decade = 100
    while decade < budget:
        steps.update(range(decade, min(budget, 10 * decade), decade // 10))
        decade *= 10
    return sorted(steps | {budget})


def _log_scales() -> tuple[float, ...]:
    # Six values a decade, in three digits so that a link to a cell is short.
    return tuple(float(f"{10 ** (k / 6):.3g}") for k in range(-24, 7))


@dataclass(frozen=True)
class Plan:
    """Which networks the atlas trains, and for how long.

    Weights and biases are drawn from N(0, scale); all else is ``base``'s. A network leaves when it
    has trained for ``budget`` steps, has diverged, or is ``after`` steps past its wake-up (long
    enough to see what it learns). A cell that has not woken within the budget is known to sleep
    longer than that, no more.
    """

    layers: tuple[int, ...] = tuple(range(2, 9))
    scales: tuple[float, ...] = field(default_factory=_log_scales)
    seeds: tuple[int, ...] = (0, 1, 2, 3)
    budget: int = 100_000
    after: int = 10_000
    base: Experiment = field(default_factory=Experiment)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Depths, scales, seeds."""
        return len(self.layers), len(self.scales), len(self.seeds)

    def experiment(self, layers: int, scale: float, seed: int) -> Experiment:
        """The experiment of one network; a single :class:`model.Run` of it agrees with its cell."""
        return replace(
            self.base,
            layers=layers,
            weights="normal",
            weight_scale=scale,
            bias="normal",
            bias_scale=scale,
            seed=seed,
            steps=self.budget,
        )

    def row(self, index: int) -> list[Experiment]:
        """The experiments of one depth, scale by scale, seed by seed."""
        return [
            self.experiment(self.layers[index], scale, seed)
            for scale in self.scales
            for seed in self.seeds
        ]


@dataclass(frozen=True)
class Networks:
    """N networks of one kind between two steps; the network is the last axis."""

    step: int
    parameters: Float32  # [P, N]
    slots: Float32  # [S, P, N], what the optimizer remembers


@dataclass(frozen=True)
class Looks:
    """What was seen of N networks at n steps."""

    steps: Int64  # [n]
    estimates: Float32  # [n, N, 41], at PROBE
    squares: Float64  # [n, N], W's squared gradient entries: mean over W, sum since the last look

    @property
    def ranges(self) -> Float32:
        """How far each estimate moves over the inputs ``[n, N]``; not finite if it diverged."""
        with np.errstate(all="ignore"):
            spans: Float32 = np.ptp(self.estimates, axis=2)
        return spans

    @property
    def losses(self) -> Float64:
        """Mean squared error over the probe inputs ``[n, N]``."""
        with np.errstate(all="ignore"):
            errors: Float64 = np.square(self.estimates - PROBE, dtype=np.float64).mean(axis=2)
        return errors


@dataclass(frozen=True)
class Spread:
    """How much the estimates of N networks depend on the input, at n steps.

    Here, not where it is made: it goes to a process that must not import TensorFlow to read it.
    """

    steps: Int64  # [n], step 0 first
    shares: Float32  # [n, N], range of the estimate over [-1, 1] as a share of the target's


@dataclass(frozen=True)
class Atlas:
    """What is known so far: NumPy alone, so that a worker can go on with it and the page show it.

    Cells are ``[depths, scales, seeds]``.
    """

    plan: Plan
    row: int  # the depth that is training now; len(plan.layers) when all is done
    networks: Networks | None  # those that train now; None between two depths
    active: Int64  # [N], the cell of each in the flattened row
    wake_up: Float64  # [D, S, K], the first probed step at which it was awake; NaN: not yet
    range: Float32  # [D, S, K], of the estimate at the last look; NaN before the first
    loss: Float64  # [D, S, K], mean squared error at the last look
    gradient: Float64  # [D, S, K], RMS of W's gradient over the steps before the first look
    last: Int64  # [D, S, K], the step of the last look
    left: NDArray[np.bool_]  # [D, S, K], whether it has stopped costing

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """An atlas of which nothing is known yet."""
        nan = np.full(plan.shape, np.nan)
        zeros = np.zeros(plan.shape, np.int64)
        return cls(
            plan=plan,
            row=0,
            networks=None,
            active=np.arange(0),
            wake_up=nan,
            range=nan.astype(np.float32),
            loss=nan,
            gradient=nan,
            last=zeros,
            left=zeros.astype(bool),
        )

    @property
    def complete(self) -> bool:
        """Whether every cell is known."""
        return self.row == len(self.plan.layers)

    @property
    def step(self) -> int:
        """Where the depth in training stands."""
        return 0 if self.networks is None else self.networks.step

    @property
    def progress(self) -> float:
        """Share of the steps of all depths that are done, 0 to 1; a depth that ends early jumps."""
        return min(1.0, (self.row + self.step / self.plan.budget) / len(self.plan.layers))

    @property
    def experiments(self) -> list[Experiment]:
        """The networks that train now."""
        row = self.plan.row(self.row)
        return [row[cell] for cell in self.active]

    @property
    def status(self) -> NDArray[np.str_]:
        """What became of each network, one of :data:`STATUSES` ``[D, S, K]``."""
        with np.errstate(all="ignore"):
            conditions = [
                ~self.left,
                ~np.isfinite(self.range),
                self.loss >= EXPLODING * IGNORANT,
                np.isnan(self.wake_up),
                self.loss <= LEARNED * IGNORANT,
            ]
        names = ["training", "diverged", "exploded", "asleep", "learned"]
        return np.select(conditions, names, "awake")

    @property
    def wake_up_of_half(self) -> Float64:
        """The step by which half the seeds of a cell were awake ``[D, S]``; infinite: they slept.

        NaN where that is not known yet.
        """
        steps = np.where(np.isnan(self.wake_up), np.inf, self.wake_up)
        half = np.sort(steps, axis=2)[..., (self.plan.shape[2] - 1) // 2]
        # Those that still train can only wake later than those that are awake.
        return np.where(np.isinf(half) & ~self.left.all(axis=2), np.nan, half)

    def begun(self, networks: Networks, estimates: Float32) -> Atlas:
        """The atlas with the next depth's networks at step 0; ``estimates [N, 41]``."""
        count = networks.parameters.shape[1]
        ready = replace(self, networks=networks, active=np.arange(count))
        looks = Looks(np.zeros(1, np.int64), estimates[None], np.full((1, count), np.nan))
        return ready.seen(networks, looks)

    def seen(self, networks: Networks, looks: Looks) -> Atlas:
        """The atlas after the networks went on and were looked at; those that are done leave."""
        cells = [column.copy() for column in self._columns]
        wake_up, ranges, losses, gradient, last, left = (c[self.row].ravel() for c in cells)
        steps, spans = looks.steps[:, None], looks.ranges
        with np.errstate(invalid="ignore"):
            first = _first(np.isfinite(spans) & (spans >= AWAKE * SPAN), looks.steps)
        woke = np.fmin(wake_up[self.active], first)
        done = ~np.isfinite(spans) | (steps >= np.fmin(woke + self.plan.after, self.plan.budget))
        leaves = done.any(axis=0)
        # A network that leaves between two looks of this call is remembered as it left.
        at = np.where(leaves, done.argmax(axis=0), len(looks.steps) - 1)
        column = np.arange(len(self.active))
        wake_up[self.active] = np.where(woke <= looks.steps[at], woke, np.nan)
        ranges[self.active] = spans[at, column]
        losses[self.active] = looks.losses[at, column]
        if self.step == 0:
            gradient[self.active] = np.sqrt(looks.squares[0] / max(looks.steps[0], 1))
        last[self.active] = looks.steps[at]
        left[self.active] = leaves
        for cell, flat in zip(cells, (wake_up, ranges, losses, gradient, last, left), strict=True):
            cell[self.row] = flat.reshape(self.plan.shape[1:])
        stay = np.flatnonzero(~leaves)
        remaining = Networks(networks.step, networks.parameters[:, stay], networks.slots[..., stay])
        return Atlas(
            self.plan,
            self.row if len(stay) else self.row + 1,
            remaining if len(stay) else None,
            self.active[stay],
            *cells,  # type: ignore[arg-type]
        )

    @property
    def _columns(self) -> tuple[NDArray[np.generic], ...]:
        return self.wake_up, self.range, self.loss, self.gradient, self.last, self.left


def _first(true: NDArray[np.bool_], steps: Int64) -> Float64:
    """The first of the steps ``[n]`` at which each column of ``true [n, N]`` holds; else NaN."""
    return np.where(true.any(axis=0), steps[true.argmax(axis=0)], np.nan)


# --- Theory ---------------------------------------------------------------------------------


def theory(layers: int, scales: object, width: int = 16, learning_rate: float = 1e-3) -> Float64:
    """The step at which a ReLU network under plain SGD should wake up, by scale: ``[n]``.

    No constant in it is fitted; but which strength to start from was chosen with the default atlas
    in view, so that seeds and widths unknown then (below) are its test. Near the origin the
    estimate is far smaller than the target, so that every layer is pulled by the target alone, and
    all of them grow along one direction. With strengths a of equal size,
    ``da/dstep = c a^(layers-1)``: exponential for two layers, hyperbolic for more, where the
    plateau's length is proportional to ``scale^-(layers-2)`` (Saxe, McClelland & Ganguli 2013,
    eq. 13 ff., here for ReLU and biases). Three numbers go into it:

    - the speed ``c = 2 GAIN learning_rate |I|``, from what one ReLU unit can gain
      (:func:`_alignment`): a factor of ten in two layers' scale costs ln(10)/c, 2,241 steps;
    - the strength at the start: a layer passes a signal on multiplied by ``scale sqrt(width / 2)``
      (He et al. 2015, eq. 10), its root mean square gain. Where it is 1, no network sleeps;
    - the strength at the end: where the estimate spans half the target's range.

    Where it fails: it leaves out the time in which weights turn into the growing direction, and the
    slowing down as the estimate nears the target. So two layers wake about 1,000 steps later than
    it says, and nobody sleeps as little as it says beyond scale 0.1. Where three and more layers
    sleep for more than 5,000 steps it is right within a factor of 1.7 in the default atlas, and of
    1.35 for 3 to 6 layers of width 16, 32 and 64 and eight seeds of their own. Five and six layers
    of width 8 sleep more than twice as long as it says or beyond the budget: few units, and some of
    those shut. Single seeds scatter by two. It says 0 from He's scale on, where networks explode
    rather than sleep.
    """
    pull, reach = _alignment()
    speed = 2 * GAIN * learning_rate * pull
    start = np.asarray(scales, np.float64) * sqrt(width / 2)
    end = (AWAKE * SPAN / 2 / (GAIN * reach)) ** (1 / layers)
    if layers == 2:
        time = np.log(end / start)
    else:
        power = layers - 2
        time = (start**-power - end**-power) / power
    steps: Float64 = np.maximum(time, 0) / speed
    return steps


def sleeping_scale(
    layers: int, steps: float, width: int = 16, learning_rate: float = 1e-3
) -> float:
    """The scale from which a network sleeps for ``steps`` steps: :func:`theory` the other way."""
    pull, reach = _alignment()
    time = steps * 2 * GAIN * learning_rate * pull
    end = (AWAKE * SPAN / 2 / (GAIN * reach)) ** (1 / layers)
    if layers == 2:
        start = end * exp(-time)
    else:
        power = layers - 2
        start = (power * time + end**-power) ** (-1 / power)
    return float(start / sqrt(width / 2))


def _alignment() -> tuple[float, float]:
    """Of a ReLU unit in the first layer, grown: its pull ``|I|`` and its reach.

    A unit ``relu(w x + b)`` of unit length (w, b) is pulled along ``I = (E[x² ; open],
    E[x ; open])``, x uniform on [-1, 1], open where ``w x + b > 0``: from -r to 1 with r = b / w.
    It grows where (w, b) is parallel to I, hence ``r = E[x ; open] / E[x² ; open]``, which is
    ``r⁴ + 1.5 r² + r - 1.5 = 0`` with one root in [0, 1]. Its reach is its answer to x = 1. Units
    that face the other way (w < 0) do the same for the other half of the inputs.
    """
    roots = np.roots([1, 0, 1.5, 1, -1.5])
    r = float(next(z.real for z in roots if z.imag == 0 and 0 < z.real < 1))
    pull_w, pull_b = (1 + r**3) / 6, (1 - r**2) / 4
    pull = hypot(pull_w, pull_b)
    return pull, (pull_w + pull_b) / pull


def xavier_scale(width: int) -> float:
    """The standard deviation of Xavier's laws for a hidden layer (Glorot & Bengio 2010, eq. 12)."""
    return sqrt(2 / (width + width))


def he_scale(width: int) -> float:
    """The standard deviation of He's laws for a hidden layer (He et al. 2015, eq. 10)."""
    return sqrt(2 / width)
