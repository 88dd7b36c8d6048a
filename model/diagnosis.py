"""The verdict: what is happening to this network, with the numbers that say so.

Nothing here trains, and nothing here imports TensorFlow: a diagnosis is read off what the run
remembers. Its bounds and what becomes of the networks it judges are measured in docs/verdicts.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, inf, log, log2, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.activations import ACTIVATIONS
from model.describe import shown_name
from model.experiment import Experiment
from model.history import PROBE, Series, Snapshot
from model.network import hidden, split, tensors_of
from model.run import Run
from model.state import Float32, Float64

Verdict = Literal["asleep", "waking", "learning", "learned", "dead", "exploding", "diverged"]

# What the estimate should span over the inputs, and what an estimate costs that ignores the
# input: the variance of the uniform law on [-1, 1].
SPAN = 2.0
IGNORANT = 1 / 3

# As shares of SPAN: below the first the estimate is flat, at the second the network is awake.
FLAT, AWAKE = 0.1, 0.5

# As shares of IGNORANT: a network that costs less than the first has learned, one that costs more
# than the second, and no less than before, explodes.
LEARNED, EXPLODING = 0.05, 10.0

# A claim of the evidence.
RECENT = "loss over the last quarter of the steps, as a share of what ignoring the input costs"

# The shares of the way at which a flat network is looked at. It is asleep when it was flat at all
# of the last half of them, for one that is thrown about can be flat at any one step; and it is
# waking when the estimate grew from each to the next. Its wake-up is foretold from the stretches
# between every third: a forecast counts when the three agree within the first factor, and when it
# does not look further ahead than the second times the way gone.
_LOOKS = 0.75 ** (np.arange(9, -1, -1) / 3)
AGREEMENT, FORESIGHT = log(1.4), 2.5

# A flat network is asleep, and not just flat so far, when its first layer is pulled so many times
# more weakly than its last.
_STARVED = 10

# What the interval has to spare, beyond how far the forecasts disagree.
_MARGIN = log(1.1)

# Into how many pieces the inputs may be cut to prove that a layer is flat on all of them.
_MOST_BOXES = 1024

# What float32 can lose in one sum or product, relative to its size.
_ROUNDING = 2.0**-24


@dataclass(frozen=True)
class Diagnosis:
    """What is happening to a network at one step of its run, and why one may say so."""

    verdict: Verdict
    sentence: str  # for a reader without calculus, with numbers
    evidence: tuple[tuple[str, float], ...]  # (claim, number) pairs it rests on
    wakes_at: tuple[int, int, int] | None = None  # step: earliest, best guess, latest
    growth: float | None = None  # factor of W's gradient per 1,000 steps, when waking

    @property
    def word(self) -> str:
        """The verdict as its sentence begins, as "Asleep", "Flat so far" or "Not trained yet"."""
        return self.sentence.partition(".")[0]


def diagnose(run: Run, step: int | None = None) -> Diagnosis:
    """The verdict on ``run``, now or as it was at the remembered step nearest to ``step``.

    A look back uses only what had been remembered by then, so it may be less sure than the verdict
    given at the time, when the remembered steps lay closer together.

    Raises
    ------
    LookupError
        If the run has not begun.
    """
    with np.errstate(all="ignore"):  # a network that explodes is judged, not warned about
        seen = _Seen(run, step)
        if seen.is_last and run.diverged is not None:
            return _diverged(seen, run.diverged)
        return _dead(seen) or _exploding(seen) or _flat(seen) or _learning(seen)


class _Seen:
    """What a diagnosis looks at: one snapshot, and the remembered steps up to it."""

    def __init__(self, run: Run, step: int | None) -> None:
        history = run.history
        self.now: Snapshot = history.at(run.step if step is None else step)
        self.experiment: Experiment = run.experiment
        self.last = run.experiment.layers - 1
        count = int(np.searchsorted(history.steps, self.now.step)) + 1
        self.is_last = count == len(history)
        self.steps = history.steps[:count]
        self.mean_loss = history.mean_loss[:count].astype(np.float64)
        self.tensors: dict[str, Series] = history.tensors
        self.count = count
        self.spans = np.maximum(np.diff(self.steps, prepend=0), 1)
        self.share = float(np.ptp(self.now.estimate)) / SPAN
        self.error = float(np.square(self.now.estimate - PROBE).mean()) / IGNORANT

    def since(self, share: float) -> int:
        """The first row whose steps lie in the last ``share`` of the way; the latest at most."""
        row = int(np.searchsorted(self.steps, (1 - share) * self.now.step, side="right"))
        return min(row, self.count - 1)

    def rms(self, name: str, start: int, stop: int) -> float:
        """Root mean square gradient of a tensor over the steps of rows ``start`` to ``stop``."""
        squares = self.tensors[name].rms[start:stop].astype(np.float64) ** 2
        return sqrt(self._mean(squares, start, stop))

    def pulled(self, name: str) -> bool:
        """Whether a tensor had a gradient at any step since the snapshot before."""
        return bool(self.tensors[name].rms[self.count - 1] > 0)

    def loss(self, start: int, stop: int) -> float:
        """Mean loss over the steps of rows ``start`` to ``stop``, as a share of IGNORANT."""
        return self._mean(self.mean_loss[start:stop], start, stop) / IGNORANT

    def _mean(self, values: Float64, start: int, stop: int) -> float:
        """Mean over the steps of rows, each of which is a mean over the steps since the last."""
        spans = self.spans[start:stop]
        return float(values @ spans) / float(spans.sum())

    def rows(self, shares: Float64) -> NDArray[np.intp]:
        """The first rows at or after these shares of the way."""
        return np.searchsorted(self.steps, shares * self.now.step)

    def vectors(self, rows: NDArray[np.intp]) -> Float64:
        """The flat parameters of some remembered rows, ``[n, P]``."""
        parts = [series.values[rows].reshape(len(rows), -1) for series in self.tensors.values()]
        return np.concatenate(parts, axis=1).astype(np.float64)

    def evidence(self) -> tuple[tuple[str, float], ...]:
        """The numbers that every verdict rests on."""
        return tuple(self._evidence())

    def _evidence(self) -> Iterator[tuple[str, float]]:
        recent, end = self.since(0.1), self.count
        steps = int(self.spans[recent:].sum())
        over = _over(steps) if self.now.step else shown_over(self.now)
        yield f"the estimate moves over all inputs, of the {SPAN:.2f} it should", self.share * SPAN
        yield "error over all inputs, as a share of what ignoring the input costs", self.error
        yield f"loss {over}, as a share of what ignoring the input costs", self.loss(recent, end)
        weights = [f"W{k or ''}" for k in range(self.last + 1)]
        pulls = [self.now.rms[name] for name in weights]
        shown = [shown_name(self.experiment.layers, name) for name in weights]
        for name, pull in zip(shown, pulls, strict=True):
            yield f"gradient of {name} {shown_over(self.now)}, root mean square", pull
        if pulls[-1] > 0:
            yield f"gradient of W as a share of that of {shown[-1]}", pulls[0] / pulls[-1]
        for k, outputs in enumerate(self.now.activations, 1):
            silent = int((outputs == 0).all(axis=0).sum())
            yield f"silent units in hidden layer {k}, of {self.experiment.width}", silent
            if silent < self.experiment.width > 1 and (outputs == outputs[:, :1]).all():
                yield f"different units in hidden layer {k}", 1
            size = sqrt(float(np.square(outputs, dtype=np.float64).mean()))
            yield f"outputs of hidden layer {k} over all inputs, root mean square", size
        if self.count > 1:
            for name in self.tensors:
                said = shown_name(self.experiment.layers, name)
                before, after = self.tensors[name].values[self.count - 2 : self.count]
                size = float(np.linalg.norm(after))
                moved = float(np.linalg.norm(after - before)) / float(self.spans[-1])
                if size > 0:
                    yield f"{said} moves per step, as a share of its size", moved / size


def _diverged(seen: _Seen, origin: str) -> Diagnosis:
    sentence = (
        f"Diverged. At step {seen.now.step:,} a number became too large to be written down, first "
        f"in {origin}. The run has stopped."
    )
    return Diagnosis("diverged", sentence, (("the step that diverged", seen.now.step),))


def _learning(seen: _Seen) -> Diagnosis:
    if seen.now.step == 0:
        return Diagnosis("learning", f"Not trained yet. {_answers(seen)}", seen.evidence())
    recent = seen.since(0.25)
    steps, loss = int(seen.spans[recent:].sum()), seen.loss(recent, seen.count)
    evidence = (*seen.evidence(), (RECENT, loss))
    worst = float(seen.mean_loss[recent:].max()) / IGNORANT
    if max(seen.error, worst) <= LEARNED:
        return Diagnosis("learned", f"Learned. {_answers(seen)} {_error(seen.error)}", evidence)
    name = "Learning" if loss < 1 else "Learning, with nothing gained yet"
    costs = f"{_upper(_over(steps))} its error was {_compared(loss)}."
    return Diagnosis("learning", f"{name}. {_answers(seen)} {costs}", evidence)


def _exploding(seen: _Seen) -> Diagnosis | None:
    """Far worse than ignoring the input, and no better than before."""
    start, middle = seen.since(0.5), seen.since(0.25)
    if seen.now.step == 0 or middle == start:
        return None
    before, recent = seen.loss(start, middle), seen.loss(middle, seen.count)
    least = float(seen.mean_loss.min()) / IGNORANT
    falling = recent < before / 2 and recent < 3 * least
    if falling or min(recent, seen.loss(seen.count - 1, seen.count)) < EXPLODING:
        return None
    sentence = (
        f"Exploding. Over the last quarter of its steps its error was {_compared(recent)}, and it "
        "is not falling."
    )
    claim = "loss in the quarter before, as a share of what ignoring the input costs"
    return Diagnosis("exploding", sentence, (*seen.evidence(), (claim, before)))


def _flat(seen: _Seen) -> Diagnosis | None:
    """Asleep or waking: the estimate hardly depends on the input, and not for a moment only."""
    if seen.share >= FLAT:
        return None
    rows = seen.rows(_LOOKS)
    shares = _shares(seen, rows)
    if (shares[len(shares) // 2 :] >= FLAT).any():
        return None
    found = _forecast(seen, rows, shares)
    if found is None:
        if seen.now.step == 0:
            sentence = f"Not trained yet. {_answers(seen)}"
        elif _is_starved(seen):
            sentence = f"Asleep. {_answers(seen)} {_pull(seen)}"
        else:
            sentence = f"Flat so far. {_answers(seen)}"
        claim = "share of W that a typical step is too small to change"
        return Diagnosis("asleep", sentence, (*seen.evidence(), (claim, _lost(seen))))
    wakes_at, growth = found
    early, guess, late = (_round(step) for step in wakes_at)
    sentence = (
        f"Waking. {_answers(seen)} But the pull on its first layer (the gradient) "
        f"{_grows(growth)} every 1,000 steps. At this pace its answers will span half of what they "
        f"should at about step {guess} (between {early} and {late})."
    )
    claim = "growth of W's gradient per 1,000 steps"
    return Diagnosis("waking", sentence, (*seen.evidence(), (claim, growth)), wakes_at, growth)


def _is_starved(seen: _Seen) -> bool:
    """Whether the first layer gets so little that a flat network sleeps, and is not just young."""
    first, last = (seen.now.rms[name] for name in ("W", f"W{seen.last}"))
    return first == 0 or _STARVED * first < last or _lost(seen) > 0.5


def _pull(seen: _Seen) -> str:
    """How hard the error pulls at a first layer that is starved, in words."""
    first, last = (seen.now.rms[name] for name in ("W", f"W{seen.last}"))
    if first == 0:
        return f"Nothing pulled at its first layer {shown_over(seen.now)}."
    if last <= first:
        return "The steps of its first layer are too small to change most of its weights."
    weaker = f"The first layer is pulled {_times(last / first)} more weakly than the last"
    if _lost(seen) > 0.5:
        return f"{weaker}: too weakly to change most of its weights in 32-bit numbers."
    return f"{weaker}."


def _answers(seen: _Seen) -> str:
    """What the estimate is like over the inputs, in words."""
    moves = seen.share * SPAN
    if moves < 0.01:
        middle = f"{float(np.median(seen.now.estimate)):.2f}".replace("-0.00", "0.00")
        return f"It answers {middle} to every input."
    return f"Its answers span {moves:.2f} of the {SPAN:.2f} they should."


def _error(share: float) -> str:
    if share == 0:
        return "It makes no error at all."
    return f"Its error is {_compared(share)}."


def _compared(share: float) -> str:
    """An error beside that of a guess that ignores the input."""
    if share < 0.5:
        return f"{_times(1 / share)} smaller than that of a guess that ignores the input"
    return f"{_times(share)} that of a guess that ignores the input"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _lost(seen: _Seen) -> float:
    """The share of W's entries that a typical step is too small to change in float32."""
    e = seen.experiment
    if e.optimizer not in ("sgd", "momentum"):
        return 0.0  # the others divide the gradient by its own size
    reach = e.learning_rate * (10 if e.optimizer == "momentum" else 1)  # 1 / (1 - 0.9)
    step = reach * seen.now.rms["W"]
    return float((step < np.spacing(np.abs(seen.now.values["W"])) / 2).mean())


def shown_over(snapshot: Snapshot) -> str:
    """Over which steps the size of a gradient goes that is shown of a network, in words."""
    if snapshot.step:
        return _over(snapshot.rms_steps)
    return f"over the first {snapshot.rms_steps:,} batches, with nothing trained"


def _over(steps: int) -> str:
    return "in the last step" if steps == 1 else f"over the last {steps:,} steps"


def _percent(share: float) -> str:
    if share < 1e-4:
        return "less than 0.01 %"
    if share >= 1:
        return _times(share)
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _times(factor: float) -> str:
    if factor > 1e6:
        return "over a million times"
    return f"{factor:,.0f} times" if factor >= 10 else f"{factor:.2f} times"


def _grows(factor: float) -> str:
    return f"grows by {_percent(factor - 1)}" if factor < 2 else f"grows {_times(factor)}"


def _round(step: int) -> str:
    """A step to two digits: no forecast is better than that."""
    return f"{int(float(f'{step:.2g}')):,}"


# --- When will it wake? ---------------------------------------------------------------------


def _forecast(
    seen: _Seen, rows: NDArray[np.intp], shares: Float64
) -> tuple[tuple[int, int, int], float] | None:
    """When the estimate will span half the target's range, and the gradient's growth.

    Near the origin a network is as good as linear, and the share r of the range that its estimate
    spans is a product of L = ``layers`` equal strengths s. Gradient descent moves each by
    s' = c s^(L-1) (1 - r): hence r' = c r^(2-2/L) (1 - r), exponential for two layers, hyperbolic
    for more (Saxe, McClelland & Ganguli 2013, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks"). Rules that divide the gradient by its own size move
    each strength at a constant speed instead: r' = c r^(1-1/L) (1 - r). The speed c is measured
    on the last quarter of the way; the rest is an integral. ``None`` as long as the estimate does
    not grow, or the same forecast from earlier stretches disagrees: while the weights still turn
    into the one direction that grows, nobody can know.
    """
    first, second = _rms_quarters(seen)
    if not (shares[0] > 0 and (np.diff(shares) > 0).all() and 0 < first < second):
        return None
    shares, steps = shares[::3], seen.steps[rows[::3]].astype(np.float64)
    left = _time_left(shares, seen.experiment)
    forecasts = np.log(steps[1:] + left[1:] * np.diff(steps) / -np.diff(left))
    doubt = float(np.ptp(forecasts))
    # Forecasts made too early are too early, by an error that halves from stretch to stretch.
    guess = float(forecasts[-1] + max(forecasts[-1] - forecasts[-2], 0))
    now = float(steps[-1])
    if not doubt <= AGREEMENT or guess > log(FORESIGHT * now):
        return None
    low = exp(min(forecasts.min(), guess) - _MARGIN)
    high = exp(max(forecasts.max(), guess) + doubt + _MARGIN)
    growth = (second / first) ** (1000 / (0.25 * now))
    return (int(max(low, now)), int(exp(guess)), int(high)), growth


def _shares(seen: _Seen, rows: NDArray[np.intp]) -> Float64:
    """The share of SPAN that the estimate moves by at some rows, ``[n]``.

    In float64 and without the last bias, beside which float32 would lose what moves.
    """
    vectors, layout = seen.vectors(rows), tensors_of(seen.experiment)
    outputs = hidden(seen.experiment, vectors, PROBE)[-1]
    estimates = 2 * outputs @ split(vectors, layout)[f"W{seen.last}"]
    shares: Float64 = np.ptp(estimates[..., 0], axis=1) / SPAN
    return shares


def _rms_quarters(seen: _Seen) -> tuple[float, float]:
    """W's gradient over the third and over the last quarter of the way."""
    start, middle = seen.since(0.5), seen.since(0.25)
    return seen.rms("W", start, max(middle, start + 1)), seen.rms("W", middle, seen.count)


def _time_left(shares: Float64, experiment: Experiment) -> Float64:
    """Integral of dr / (r^p (1 - r)) from each share to AWAKE: the time left, in units of 1/c."""
    layers = experiment.layers
    p = 2 - 2 / layers if experiment.optimizer in ("sgd", "momentum") else 1 - 1 / layers
    # In u = log r, where the integrand is smooth over the decades.
    u = np.log(shares)[:, None] + np.linspace(0, 1, 65) * np.log(AWAKE / shares)[:, None]
    return np.asarray(np.trapezoid(np.exp((1 - p) * u) / -np.expm1(u), u, axis=1))


# --- Can it ever learn again? ---------------------------------------------------------------


def _dead(seen: _Seen) -> Diagnosis | None:
    """Dead, if it can be proved that some layer will never get a gradient again."""
    frozen = _frozen(seen)
    if frozen is None:
        return None
    layer, why = frozen
    names = [t.name for t in tensors_of(seen.experiment)[: 2 * layer]]
    listed = (
        f"{', '.join(names[:-1])} and {names[-1]}" if layer < 3 else f"{names[0]} to {names[-1]}"
    )
    sentence = (
        f"Dead. {_upper(why)}. So the error can never again change {listed}, and it answers "
        f"{float(seen.now.estimate.mean()):.2g} to every input."
    )
    claim = "tensors that no gradient reaches any more"
    return Diagnosis("dead", sentence, (*seen.evidence(), (claim, len(names))))


def _frozen(seen: _Seen) -> tuple[int, str] | None:
    """The highest hidden layer (from 1) that no gradient will ever pass again, and why."""
    e = seen.experiment
    for layer in range(seen.last, 0, -1):
        names = [t.name for t in tensors_of(e)[: 2 * layer]]
        outputs = seen.now.activations[layer - 1]
        # Necessary, cheap to see, and rare.
        if (outputs != outputs[0]).any() or any(seen.pulled(name) for name in names):
            continue
        motion = _motion_left(seen, names)
        below = seen.now.vector[: tensors_of(e)[2 * layer - 1].stop]
        if _is_stuck(e, layer, motion, below.tobytes()):
            what = "silent (they answer zero)" if e.activation == "relu" else "stuck at one answer"
            return (
                layer,
                f"all units of hidden layer {layer} are {what} for every input from -1 to 1",
            )
        if motion == 0 and _is_cut(seen, layer, below):
            return layer, f"hidden layer {layer} answers zero and W{layer} after it is all zeros"
    return None


@lru_cache(maxsize=256)
def _is_stuck(experiment: Experiment, layer: int, motion: float, below: bytes) -> bool:
    """Whether every unit of a hidden layer is on a flat side of its activation, for every input.

    Then no gradient passes it, and what lies ``below`` it (its own weights included, float32 bytes)
    stays as it is, give or take ``motion``: the answer is remembered.
    """
    low, high = ACTIVATIONS[experiment.activation].flat_outside
    if experiment.optimizer == "adamw" and experiment.activation != "relu":
        return False  # weight decay pulls the sums back to where the activation is steep
    parameters = np.frombuffer(below, np.float32).astype(np.float64)
    whole = np.array([[[-1.0, 1.0], [1.0, 1.0]]])
    if experiment.optimizer == "adamw":
        whole[0, 1, 0] = 0
    boxes = _cut(_cut(whole, 0, 64), 1, 16)
    while len(boxes) <= _MOST_BOXES:
        least, most = _sums(experiment, layer, motion, parameters, boxes)
        centre = (least + most) / 2
        if ((centre > low) & (centre < high)).any():
            return False
        boxes = boxes[~((most <= low) | (least >= high)).all(axis=1)]
        if not len(boxes):
            return True
        boxes = _cut(_cut(boxes, 0, 8), 1, 2)
    return False


def _cut(boxes: Float64, axis: int, parts: int) -> Float64:
    """Each of the boxes ``[n, 2, 2]`` (axis, low and high) cut in ``parts`` along an axis.

    Interval arithmetic likes them short. What has no length is not cut.
    """
    low, high = boxes[:, axis, 0], boxes[:, axis, 1]
    if (low == high).all():
        return boxes
    edges = np.linspace(low, high, parts + 1)
    found = np.tile(boxes, (parts, 1, 1))
    found[:, axis, 0], found[:, axis, 1] = edges[:-1].ravel(), edges[1:].ravel()
    return found


def _is_cut(seen: _Seen, layer: int, below: Float32) -> bool:
    """Whether a hidden layer answers exactly zero and the weights after it are exactly zero.

    Then neither gets a gradient: each is multiplied by the other.
    """
    if ACTIVATIONS[seen.experiment.activation].function(np.zeros(1, np.float32))[0] != 0:
        return False
    everywhere = np.array([[[-1.0, 1.0], [1.0, 1.0]]])
    bounds = _sums(seen.experiment, layer, 0.0, below.astype(np.float64), everywhere)
    return not (np.any(bounds) or seen.now.values[f"W{layer}"].any())


def _motion_left(seen: _Seen, names: list[str]) -> float:
    """How far any entry of these tensors can still move without ever getting a gradient again.

    Only what the optimizer remembers of earlier gradients can move them.
    """
    e = seen.experiment
    if e.optimizer in ("sgd", "rmsprop"):
        return 0.0
    squares = np.array([seen.tensors[name].rms[: seen.count] for name in names]).astype(np.float64)
    pulled = np.flatnonzero(squares.any(axis=0))
    if not len(pulled):
        return 0.0
    silence = seen.now.step - int(seen.steps[pulled[-1]])  # steps without any gradient
    if e.optimizer == "momentum":
        # Velocity is at most rate |g| / (1 - 0.9), falls by 0.9 a step, and sums to ten times that.
        sizes = np.array([seen.tensors[name].values[0].size for name in names])
        largest = float(np.sqrt(squares**2 * sizes[:, None] * seen.spans).max())
        return _up(100 * e.learning_rate * min(largest, e.clip or inf) * 0.9**silence)
    # Adam: by Cauchy and Schwarz |mean| / sqrt(mean square) is at most 7.3, and it falls by this
    # factor a step. Where weights decay, a move counts in units of what they have shrunk to.
    fall = 0.9 / 0.999**0.5
    shrink = 1 - 0.004 * e.learning_rate if e.optimizer == "adamw" else 1.0
    return _up(7.3 * e.learning_rate * fall**silence / (1 - fall / shrink))


def _up(motion: float) -> float:
    """The next power of two, and no less than the hundredth below one: few to be remembered."""
    return 2.0 ** ceil(log2(max(motion, 2.0**-100))) if motion < inf else inf


def _sums(
    experiment: Experiment, layer: int, motion: float, below: Float64, boxes: Float64
) -> tuple[Float64, Float64]:
    """Bounds on the sums z that the units of hidden ``layer`` can have: two ``[n, width]``.

    Interval arithmetic over boxes ``[n, 2, 2]`` of inputs x and of factors c by which weight decay
    has shrunk all parameters since, for every network within ``motion`` of this one. With decay
    (and so ReLU) the bounds are on z / c, whose sign is that of z.
    """
    values = split(below, tensors_of(experiment)[: 2 * layer])
    activation = ACTIVATIONS[experiment.activation]
    least, most = boxes[:, 0, :1], boxes[:, 0, 1:]
    shrunk_least, shrunk_most = boxes[:, 1, :1], boxes[:, 1, 1:]
    for k in range(layer):
        w, b = values[f"W{k or ''}"], values[f"b{k or ''}"]
        middle, radius = (least + most) / 2, (most - least) / 2
        size = np.abs(middle) + radius
        z = middle @ w + b
        rounding = (experiment.width + 1) * _ROUNDING * (size @ np.abs(w) + np.abs(b))
        spread = radius @ np.abs(w) + rounding
        spread += motion * (1 + size.sum(axis=1, keepdims=True))
        low, high = z - spread, z + spread
        ends = activation.function(low), activation.function(high)
        least, most = np.minimum(*ends), np.maximum(*ends)
        if activation.bottom is not None:
            where, minimum = activation.bottom
            least = np.where((low < where) & (high > where), minimum, least)
        if experiment.optimizer == "adamw":
            least, most = shrunk_least * least, shrunk_most * most
    return low, high
