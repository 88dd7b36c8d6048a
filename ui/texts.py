"""What each chapter says before, during and after its run, and what it asks.

Short enough for a phone: no text is longer than :data:`LONGEST`. Every number comes from the run
that is on the page; what is said without one is held to runs of several seeds by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from charts.theme import FIRST, SECOND
from model.atlas import theory
from model.chapters import Words, beginning
from model.describe import short
from model.experiment import Experiment
from ui.scene import Scene, about, times

# Characters of a text: six lines on a phone.
LONGEST = 270


@dataclass(frozen=True)
class Guess:
    """What a chapter asks its reader to predict."""

    prompt: str
    options: tuple[Any, ...]
    truth: Callable[[Scene], Any]  # which of them came true; None as long as none has
    slider: bool = False

    def name(self, option: Any) -> str:
        """What an option is called."""
        return f"{option:,}" if self.slider else str(option)

    def judged(self, s: Scene) -> str:
        """What has become of the reader's guess, as a sentence; empty if there was none."""
        guess, truth = s.session.guess, self.truth(s)
        if guess is None or truth is None:
            return ""
        return f"You said {self.name(guess)}: {'right' if guess == truth else 'not so'}."


@dataclass(frozen=True)
class Story:
    """One chapter's words."""

    before: Callable[[Scene], Words]
    during: Callable[[Scene], Words]
    after: Callable[[Scene], Words]
    next: str  # what the button says that leads on
    guess: Guess | None = None


def _before(s: Scene) -> Words:
    """What the first picture of the page says too (serving/first.py)."""
    link = s.session.link
    return beginning(link.experiment, link.versus, link.chapter)


# --- It learns ------------------------------------------------------------------------------


def _learns_during(s: Scene) -> Words:
    if s.is_flat():
        return Words(
            f"Over all inputs its answers span **{s.span()}** they should: flat so far.",
            "Its weights are tiny, and so are their changes. Does it stay so?",
        )
    return Words(f"It has woken up: its answers span **{s.span()}** they should.", "")


def _learns_after(s: Scene) -> Words:
    text = f"After {s.steps} its answers span **{s.span()}** they should."
    flat = s.flat_until()
    if flat:
        text += f" It was flat for the first {about(flat)} steps, and then it woke up."
    return Words(text, "What will it do with one more layer?")


# --- One more layer -------------------------------------------------------------------------


def _stops_during(s: Scene) -> Words:
    if not s.is_flat():
        return Words(f"Its answers span **{s.span()}** they should.", "")
    return Words(
        f"Whatever the input, it answers about **{s.answer()}**. A gradient says how hard training "
        f"pulls at a layer: at *W*, {short(s.pull())}.",
        "Does the curve move at all?",
    )


def _stops_after(s: Scene) -> Words:
    judged = STORIES["stops"].guess.judged(s) if STORIES["stops"].guess else ""
    if not s.is_flat():
        return Words(f"{judged} After {s.steps} its answers span **{s.span()}**.".strip(), "Why?")
    text = f"{judged} After {s.steps} it gives **one answer to every input**: {s.answer()}."
    first, last = s.pull("W"), s.pull("W2")
    if 0 < first < last:
        text += f" The last layer is pulled, the first {times(last / first)} less."
    return Words(text.strip(), "Where has its gradient gone?")


def _which_is_better(s: Scene) -> str:
    return "worse" if s.is_flat() else "the same"


# --- Why ------------------------------------------------------------------------------------


def _why_during(s: Scene) -> Words:
    return Words(_gap(s), "The chain shows the factors.")


def _why_after(s: Scene) -> Words:
    one, two = (s.session.runs[lane].history.start.rms["W"] for lane in (FIRST, SECOND))
    text = _gap(s)
    if two > 0 and one > two:
        text += f" At the start it was {times(one / two)} less."
    if s.pull("W1", SECOND) < s.pull("W", SECOND):
        text += (
            " **The middle layer, *W1*, gets least**: a weak error from behind, and a weak signal "
            "from in front."
        )
    return Words(text, "What would bring it back?")


def _gap(s: Scene) -> str:
    """The ratio first: what grows from picture to picture moves no other word to another line."""
    one, two = s.pull("W", FIRST), s.pull("W", SECOND)
    if not 0 < two < one:
        return f"*W* gets {short(one)} with two layers, {short(two)} with three."
    return (
        f"**{times(one / two)} less** reaches *W* with three layers than with two: {short(two)}, "
        f"not {short(one)}."
    )


# --- The cure -------------------------------------------------------------------------------


def _cure_during(s: Scene) -> Words:
    return Words(
        f"So far the answers of the tiny one span **{s.span()}**, those of the other "
        f"**{s.span(SECOND)}**.",
        "",
    )


def _cure_after(s: Scene) -> Words:
    end = ": it works" if s.is_flat() and not s.is_flat(SECOND) else ""
    return Words(
        f"After {s.steps} the answers of the tiny one span **{s.span()}**, those of the other "
        f"**{s.span(SECOND)}**{end}.",
        "But two things were changed at once. Which of them did it?",
    )


# --- Which half -----------------------------------------------------------------------------


def _half_during(s: Scene) -> Words:
    return Words(
        f"New weights alone: the answers span **{s.span()}**. New biases alone: "
        f"**{s.span(SECOND)}**.",
        "",
    )


def _half_after(s: Scene) -> Words:
    judged = STORIES["half"].guess.judged(s) if STORIES["half"].guess else ""
    lead = {
        "weights": "**The weights do it alone**",
        "biases": "The biases do it alone",
        "both": "Each does it alone",
        "neither": "Neither does it alone",
    }[_which_half(s)]
    return Words(
        f"{judged} {lead}: {s.span()} with new weights, {s.span(SECOND)} with new biases. Below, "
        "a dozen seeds for each.".strip(),
        "Larger weights are good, then. And still larger ones?",
    )


def _which_half(s: Scene) -> str:
    weights, biases = (s.moved(lane) >= 1 for lane in (FIRST, SECOND))
    if weights and biases:
        return "both"
    return "weights" if weights else "biases" if biases else "neither"


# --- Too large ------------------------------------------------------------------------------


def _large_before(s: Scene) -> Words:
    words = _before(s)
    point = f"Before any training its answers span {s.span()}. {words.point}"
    return words._replace(point=point)


def _large_during(s: Scene) -> Words:
    return Words(
        f"After {s.steps}: the gradient of *W* is **{short(s.pull())}**, the error "
        f"{short(s.now[FIRST].loss)}.",
        "",
    )


def _large_after(s: Scene) -> Words:
    run = s.session.run
    if run.status != "diverged":
        return Words(f"After {s.steps} its answers span **{s.span()}**.", "And if one just waits?")
    began = run.history.start.rms["W"]
    return Words(
        f"**It took {s.steps}**: each overshot by more than the one before, until a number was too "
        f"large to be written down. *W*'s gradient began at {short(began)}. The question's script "
        "cuts gradients at 4.5, and so would survive this.",
        "Too large blows up. Does too small stay asleep for ever?",
    )


# --- Patience -------------------------------------------------------------------------------


def _patience_during(s: Scene) -> Words:
    session = s.session
    if session.forecast is not None and s.woke() is None:
        early, guess, late = map(about, session.forecast.wakes_at)
        return Words(
            f"Step {session.forecast.step:,}: nothing to be seen yet, but its gradient grows. "
            f"**I say it wakes at step {guess}** ({early} to {late}).",
            "Shall we see?",
        )
    if s.is_flat():
        return Words(f"Step {s.step:,}: still one answer to every input, {s.answer()}.", "")
    return Words(f"It is awake: its answers span **{s.span()}**.", "")


def _patience_after(s: Scene) -> Words:
    woke = s.woke()
    if woke is None:
        return Words(f"After {s.steps} its answers span **{s.span()}**: it sleeps on.", "")
    text = f"It **woke between steps {woke[0]:,} and {woke[1]:,}**: not dead, but asleep."
    forecast = s.session.forecast
    if forecast is not None:
        hit = forecast.wakes_at[0] <= woke[1] <= forecast.wakes_at[2]
        guess = about(forecast.wakes_at[1])
        text += f" My forecast, {guess}, was a {'hit' if hit else 'miss'}."
    if s.session.guess is not None:
        text += f" You said {s.session.guess:,}."
    return Words(text, "Can anything but waiting help?")


# --- The whole batch ------------------------------------------------------------------------


def _batch_during(s: Scene) -> Words:
    return Words(
        f"With 1 number a step the answers span **{s.span()}**, with 64 **{s.span(SECOND)}**.", ""
    )


def _batch_after(s: Scene) -> Words:
    one, many = s.roughness(FIRST), s.roughness(SECOND)
    lead = "Steadier, not further" if many < one else "No steadier"
    return Words(
        f"**{lead}**: the answers span {s.span()} and {s.span(SECOND)}, but from one remembered "
        f"step to the next the loss changes by {one:.0%} with 1 number a step, by {many:.0%} with "
        "64. Tiny weights would sleep on.",
        "What if the steps themselves were of another kind?",
    )


# --- Adam -----------------------------------------------------------------------------------


def _adam_during(s: Scene) -> Words:
    return Words(
        f"With plain steps the answers span **{s.span()}**, with Adam **{s.span(SECOND)}**.", ""
    )


def _adam_after(s: Scene) -> Words:
    text = (
        f"After {s.steps} the answers span {s.span()} with plain steps, **{s.span(SECOND)} with "
        "Adam**."
    )
    if s.verdicts[SECOND].verdict == "dead":
        text += " On this seed Adam has **killed** the network: units that are shut stay shut."
    elif not s.is_flat(SECOND):
        text += " No cure was needed. But it is luck: on some seeds Adam kills the network."
    return Words(text, "How does it all depend on depth and first weights?")


# --- The atlas ------------------------------------------------------------------------------


def _atlas_before(s: Scene) -> Words:
    words = _before(s)
    return words._replace(context=f"{words.context} {_law(s.now[FIRST].experiment)}")


def _atlas_during(s: Scene) -> Words:
    return Words(
        f"{_law(s.now[FIRST].experiment)} At step {s.step:,} the answers span **{s.span()}**.", ""
    )


def _atlas_after(s: Scene) -> Words:
    woke = s.woke()
    law = _law(s.now[FIRST].experiment)
    if woke is None:
        return Words(f"{law} After {s.steps} the answers span **{s.span()}**.", "Try another.")
    return Words(
        f"{law} It **woke between {woke[0]:,} and {woke[1]:,}**.",
        "Try another scale, another depth; or draw the whole map below.",
    )


def _law(experiment: Experiment) -> str:
    step = law_of(experiment)
    if step <= 0:
        return "The law says it does not sleep at all."
    return f"The law says it wakes at about **step {about(int(step))}**."


def law_of(experiment: Experiment) -> float:
    """The step at which theory has the network wake up, from its depth and its scale alone."""
    e = experiment
    return float(theory(e.layers, e.weight_scale, e.width, e.learning_rate))


# --- No chapter -----------------------------------------------------------------------------


def _free_during(s: Scene) -> Words:
    spans = [f"**{s.span(lane)}**" for lane in s.now]
    return Words(f"At step {s.step:,} the answers span {' and '.join(spans)} they should.", "")


def _free_after(s: Scene) -> Words:
    if any(run.status == "diverged" for run in s.session.runs.values()):
        return Words(f"After {s.steps} a number was too large to be written down.", "")
    spans = [f"**{s.span(lane)}**" for lane in s.now]
    return Words(f"After {s.steps} the answers span {' and '.join(spans)} they should.", "")


FREE = Story(_before, _free_during, _free_after, "")

STORIES: Mapping[str, Story] = {
    "learns": Story(_before, _learns_during, _learns_after, "Next: one more layer"),
    "stops": Story(
        _before,
        _stops_during,
        _stops_after,
        "Next: why?",
        Guess("I guess:", ("better", "the same", "worse"), _which_is_better),
    ),
    "why": Story(_before, _why_during, _why_after, "Next: the cure"),
    "cure": Story(_before, _cure_during, _cure_after, "Next: which half?"),
    "half": Story(
        _before,
        _half_during,
        _half_after,
        "Next: too large",
        Guess("I guess:", ("weights", "biases", "both", "neither"), _which_half),
    ),
    "large": Story(_large_before, _large_during, _large_after, "Next: patience"),
    "patience": Story(
        _before,
        _patience_during,
        _patience_after,
        "Next: the whole batch",
        Guess(
            "I guess step",
            (10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 500_000, 700_000, 1_000_000),
            lambda s: None,
            slider=True,
        ),
    ),
    "batch": Story(_before, _batch_during, _batch_after, "Next: Adam"),
    "adam": Story(_before, _adam_during, _adam_after, "Next: the atlas"),
    "atlas": Story(_atlas_before, _atlas_during, _atlas_after, "Back to the start"),
}
