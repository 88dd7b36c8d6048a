"""The chapters of the story: which experiments each one is about, and what it asks of them.

A link may name a chapter alone; what it says besides changes the chapter's experiments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from model.describe import differences
from model.experiment import PRESETS, Experiment, Value

# What a reader may change in any chapter, for its words hold all the same: they quote the run.
_ALWAYS_FREE = frozenset({"seed", "steps"})


class Words(NamedTuple):
    """A text in Markdown, and what is said of it where there is room for less."""

    context: str
    point: str
    alone: str = ""  # what stands by itself in somebody else's page; empty: as much as has room

    def whole(self) -> str:
        """Context and point as one text."""
        return f"{self.context} {self.point}".strip()


@dataclass(frozen=True)
class Chapter:
    """One page of the story: its experiments, and the words that it begins with."""

    title: str
    lead: str  # what is about to be seen, in Markdown; its first network's fields in braces
    question: str  # what the reader is to find out
    alone: str  # the same in one sentence that needs nothing before it: a figure's caption
    first: Experiment
    second: Experiment | None = None  # what it is compared with
    speed: int = 100  # steps a frame
    free: frozenset[str] = frozenset()  # fields that are the reader's to change in this chapter
    forecast: bool = False  # whether the run rests once, at its first forecast, and asks

    def is_left(self, first: Experiment, second: Experiment | None) -> bool:
        """Whether these experiments are no longer what the chapter is about."""
        free = _ALWAYS_FREE | self.free
        return _kept(first, free) != _kept(self.first, free) or _kept(second, free) != _kept(
            self.second, free
        )


def _kept(experiment: Experiment | None, free: frozenset[str]) -> dict[str, Value] | None:
    if experiment is None:
        return None
    return {name: value for name, value in asdict(experiment).items() if name not in free}


_TWO, _THREE, _CURE = PRESETS["two_layers"], PRESETS["three_layers"], PRESETS["cure"]
_BATCH = PRESETS["whole_batch"]

# Without the clip of the question's script, which is what saves weights of this size.
_LARGE = Experiment(layers=5, weight_scale=1.0, bias_scale=1.0, clip=0, steps=1_000)

CHAPTERS: Mapping[str, Chapter] = MappingProxyType(
    {
        "learns": Chapter(
            "It learns",
            "Somebody asked: “I added a layer and my network stopped learning. Why?” This is the "
            "network before: 16 units that are to **repeat the number they are given**.",
            "Its first weights are tiny. Will it learn? Press **Train**.",
            "16 units with tiny first weights: will they learn to **repeat a number**? Press "
            "**Train**.",
            _TWO,
        ),
        "stops": Chapter(
            "One more layer",
            "The same network with **one more layer in its middle**: 16 × 16 weights more, as tiny "
            "as the others.",
            "Will it learn better, the same, or worse?",
            "Tiny weights, and now **one layer more** in the middle: will the network learn "
            "better, the same, or worse?",
            _THREE,
        ),
        "why": Chapter(
            "Why",
            "Two layers and three, from the same seed, on the same inputs. On its way back to *W* "
            "the gradient is **multiplied by the weights of every later layer**, and they are "
            "tiny.",
            "How much less of it reaches *W* with one layer more?",
            "Two layers, and three: how much less of the **gradient** reaches *W* with one "
            "layer more?",
            _TWO,
            _THREE,
        ),
        "cure": Chapter(
            "The cure",
            "Three layers, twice. The second network begins with weights hundreds of times as "
            "large (by **Xavier's** rule) and with biases of 0.1, as the answer advised.",
            "Is that enough?",
            "Three layers with tiny weights, and the same with **larger weights and biases**: "
            "is that enough to learn?",
            _THREE,
            _CURE,
        ),
        "half": Chapter(
            "Which half of the cure?",
            "The cure has two halves. The first network gets only the **new weights**, the second "
            "only the **new biases** of 0.1.",
            "Which of them will learn?",
            "Three layers: one gets only **larger weights**, one only **biases of 0.1**. Which "
            "will learn?",
            PRESETS["scale_only"],
            PRESETS["bias_only"],
        ),
        "large": Chapter(
            "Too large",
            "If tiny weights pull too weakly, why not take **large** ones? Five layers, weights "
            "and biases from N(0, 1), a thousand times as large, and no limit on a gradient.",
            "What will become of it?",
            "Five layers, first weights **a thousand times as large** as tiny ones: what will "
            "become of it?",
            _LARGE,
            speed=1,
        ),
        "patience": Chapter(
            "Patience",
            "Back to the tiny weights. The question gave up after 10,000 steps. Was the network "
            "dead, or **asleep**? Here it gets a million.",
            "At which step will it wake up? Drag your guess, then Train.",
            "Three layers learned nothing in 10,000 steps, now they get a million: dead, or "
            "**asleep**? Drag your guess, then Train.",
            PRESETS["patience"],
            speed=10_000,
            forecast=True,
        ),
        "batch": Chapter(
            "The whole batch",
            "So far each step looked at one number. The answer advised to look at more: here **1 "
            "against 64 at once**, both with the cure.",
            "Will 64 learn more, or only more steadily?",
            "Each step looks at **1 number, or at 64**: will 64 learn more, or only more steadily?",
            replace(_BATCH, batch=1),
            _BATCH,
        ),
        "adam": Chapter(
            "Adam",
            "**Adam** divides each gradient by its own recent size: a tiny one moves a weight as "
            "far as a large one. Three layers, tiny weights: plain steps, and Adam.",
            "Will it wake the network?",
            "Three layers, tiny weights: plain steps, and **Adam**. Will it wake the network?",
            _THREE,
            PRESETS["adam"],
        ),
        "atlas": Chapter(
            "The atlas",
            "You are here: {layers} layers, first weights of about {weight_scale:g}.",
            "Drag the scale, read what the law says, and **Train**: is it right?",
            "{layers} layers, first weights of about {weight_scale:g}: will it learn? Drag the "
            "scale, then **Train**.",
            replace(_THREE, weight_scale=0.0316, bias_scale=0.0316, steps=30_000),
            speed=300,
            free=frozenset({"layers", "weight_scale", "bias_scale"}),
        ),
    }
)


def beginning(
    first: Experiment, second: Experiment | None = None, chapter: str | None = None
) -> Words:
    """What is about to be seen and what there is to find out, before anything runs."""
    setup = CHAPTERS.get(chapter or "")
    if setup is not None and not setup.is_left(first, second):
        fields = asdict(first)
        return Words(setup.lead.format(**fields), setup.question, setup.alone.format(**fields))
    if second is not None:
        lead, question = (
            f"The second network has {differences(first, second)}.",
            "Which one learns?",
        )
        return Words(lead, question, f"{lead} {question}")
    return Words(
        "A small network is to repeat the number it is given. Choose its depth and its first "
        "weights.",
        "Will it learn? Press **Train**.",
        "Will this network learn to **repeat the number it is given**? Press **Train**.",
    )
