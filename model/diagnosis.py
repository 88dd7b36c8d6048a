"""The verdict: what is happening to this network, with the numbers that say so.

Nothing here trains, and nothing here imports TensorFlow: a diagnosis is read off what the run
remembers. Its bounds and what becomes of the networks it judges are measured in docs/verdicts.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.evidence import EXPLODING, FLAT, IGNORANT, LEARNED, SPAN, Seen, over, shown_over
from model.forecast import LOOKS, forecast, shares_at
from model.network import tensors_of
from model.optimizers import OPTIMIZERS
from model.proof import frozen
from model.run import Run

Verdict = Literal["asleep", "waking", "learning", "learned", "dead", "exploding", "diverged"]

# A claim of the evidence.
RECENT = "loss over the last quarter of the steps, as a share of what ignoring the input costs"

# A flat network is asleep, and not just flat so far, when its first layer is pulled so many times
# more weakly than its last.
_STARVED = 10


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
        seen = Seen(run, step)
        if seen.is_last and run.diverged is not None:
            return _diverged(seen, run.diverged)
        return _dead(seen) or _exploding(seen) or _flat(seen) or _learning(seen)


def _dead(seen: Seen) -> Diagnosis | None:
    """Dead, if it can be proved that some layer will never get a gradient again."""
    proved = frozen(seen)
    if proved is None:
        return None
    layer, why = proved
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


def _diverged(seen: Seen, origin: str) -> Diagnosis:
    sentence = (
        f"Diverged. At step {seen.now.step:,} a number became too large to be written down, first "
        f"in {origin}. The run has stopped."
    )
    return Diagnosis("diverged", sentence, (("the step that diverged", seen.now.step),))


def _learning(seen: Seen) -> Diagnosis:
    if seen.now.step == 0:
        return Diagnosis("learning", f"Not trained yet. {_answers(seen)}", seen.evidence())
    recent = seen.since(0.25)
    steps, loss = int(seen.spans[recent:].sum()), seen.loss(recent, seen.count)
    evidence = (*seen.evidence(), (RECENT, loss))
    worst = float(seen.mean_loss[recent:].max()) / IGNORANT
    if max(seen.error, worst) <= LEARNED:
        return Diagnosis("learned", f"Learned. {_answers(seen)} {_error(seen.error)}", evidence)
    name = "Learning" if loss < 1 else "Learning, with nothing gained yet"
    costs = f"{_upper(over(steps))} its error was {_compared(loss)}."
    return Diagnosis("learning", f"{name}. {_answers(seen)} {costs}", evidence)


def _exploding(seen: Seen) -> Diagnosis | None:
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


def _flat(seen: Seen) -> Diagnosis | None:
    """Asleep or waking: the estimate hardly depends on the input, and not for a moment only."""
    if seen.share >= FLAT:
        return None
    rows = seen.rows(LOOKS)
    shares = shares_at(seen, rows)
    if (shares[len(shares) // 2 :] >= FLAT).any():
        return None
    found = forecast(seen, rows, shares)
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


def _is_starved(seen: Seen) -> bool:
    """Whether the first layer gets so little that a flat network sleeps, and is not just young."""
    first, last = (seen.now.rms[name] for name in ("W", f"W{seen.last}"))
    return first == 0 or _STARVED * first < last or _lost(seen) > 0.5


def _pull(seen: Seen) -> str:
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


def _answers(seen: Seen) -> str:
    """What the estimate is like over the inputs, in words."""
    moves = seen.share * SPAN
    if moves < 0.01:
        answer = f"{seen.now.answer:.2f}".replace("-0.00", "0.00")
        return f"It answers {answer} to every input."
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


def _lost(seen: Seen) -> float:
    """The share of W's entries that a typical step is too small to change in float32."""
    reach = OPTIMIZERS[seen.experiment.optimizer].reach
    if reach is None:
        return 0.0
    step = reach * seen.experiment.learning_rate * seen.now.rms["W"]
    return float((step < np.spacing(np.abs(seen.now.values["W"])) / 2).mean())


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
