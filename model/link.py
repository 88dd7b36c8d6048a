"""The link: an experiment, a second one to compare it with, and how the page is to open.

A link comes from anybody. What can be read is used, what cannot is dropped, and a message says
which part and why. Reading never raises; writing leaves defaults out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from model.chapters import CHAPTERS
from model.experiment import BOUNDS, MOST_STEPS, Bound, Choice, Experiment, Value, Whole

# Parts of the page that a lesson can leave out.
HIDEABLE = (
    "chapters",
    "controls",
    "network",
    "verdict",
    "ladder",
    "estimate",
    "flow",
    "loss",
    "chain",
    "share",
)

VERSUS = "vs."

# Streamlit's own parameters, which it reads itself.
_FOREIGN = {"embed", "embed_options"}

# Nobody reads more than this many complaints, and a hostile link can hold thousands.
_MOST_MESSAGES = 8
_MOST_PARAMETERS = 100

# What is quoted of a link in a message.
_QUOTED = 40


@dataclass(frozen=True)
class Link:
    """What a link says."""

    experiment: Experiment = field(default_factory=Experiment)
    versus: Experiment | None = None  # the second lane of a comparison
    train: bool = False  # start at once
    step: int = 0  # where a paused run stands
    chapter: str | None = None
    hide: frozenset[str] = frozenset()  # parts of the page that are left out
    messages: tuple[str, ...] = ()  # what could not be read, and why


def read(query: str | Mapping[str, Sequence[str]]) -> Link:
    """What ``query`` says: a whole URL, a query string, or the values by name.

    Of a parameter that comes more than once the last counts, as in most programs.
    """
    return _Reader(_pairs(query)).link()


def write(link: Link) -> str:
    """The query string of ``link``, without the question mark; what is default is left out."""
    return urlencode(parameters(link), safe=",.")


def parameters(link: Link) -> dict[str, str]:
    """The query parameters of ``link`` by name, in the order of the fields."""
    found = {"chapter": link.chapter} if link.chapter is not None else {}
    found |= _fields(link.experiment, _first_base(link.chapter), "")
    if link.versus is not None:
        written = _fields(link.versus, _second_base(link.chapter, link.experiment), VERSUS)
        if not written and _second(link.chapter) is None:
            # Of two equal ones something must be said, or the second lane would be lost.
            written = {VERSUS + "seed": str(link.versus.seed)}
        found |= written
    if link.step:
        found["step"] = str(link.step)
    if link.train:
        found["train"] = "1"
    if link.hide:
        found["hide"] = ",".join(part for part in HIDEABLE if part in link.hide)
    return found


def _first_base(chapter: str | None) -> Experiment:
    """What the fields of the first lane are where the link does not say."""
    return CHAPTERS[chapter].first if chapter else Experiment()


def _second(chapter: str | None) -> Experiment | None:
    return CHAPTERS[chapter].second if chapter else None


def _second_base(chapter: str | None, first: Experiment) -> Experiment:
    """What the fields of the second lane are where the link does not say."""
    second = _second(chapter)
    # Both lanes see the same inputs and go equally far.
    return replace(second, seed=first.seed, steps=first.steps) if second else first


def _fields(experiment: Experiment, base: Experiment, prefix: str) -> dict[str, str]:
    return {
        prefix + name: format_value(value)
        for name, value in asdict(experiment).items()
        if value != getattr(base, name)
    }


def format_value(value: Value) -> str:
    """The shortest text that is read back as exactly ``value``."""
    if isinstance(value, float):
        return min(repr(value), f"{value:g}", key=lambda t: (float(t) != value, len(t)))
    return str(value)


def _pairs(query: str | Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    if isinstance(query, str):
        query = query.partition("#")[0]
        query = query.partition("?")[2] if "?" in query or "://" in query else query
        found = parse_qsl(query[:100_000], keep_blank_values=True, errors="replace")
        return iter(found)
    return (
        (name, value)
        for name, values in query.items()
        for value in ([values] if isinstance(values, str) else values)
    )


class _Reader:
    def __init__(self, pairs: Iterator[tuple[str, str]]) -> None:
        self._messages: list[str] = []
        self._texts: dict[str, str] = {}
        for name, value in islice(pairs, _MOST_PARAMETERS):
            if name in self._texts:
                self._complain(f"{_quote(name)} comes more than once: the last one counts")
            self._texts[name] = value
        if next(pairs, None) is not None:
            self._complain(f"only the first {_MOST_PARAMETERS} parameters are read")

    def link(self) -> Link:
        chapter = str(self._value("chapter", Choice(tuple(CHAPTERS)), "")) or None
        first = self._experiment("", _first_base(chapter))
        compared = _second(chapter) is not None or any(n.startswith(VERSUS) for n in self._texts)
        base = _second_base(chapter, first)
        versus = self._experiment(VERSUS, base) if compared else None
        step = int(self._value("step", Whole(0, MOST_STEPS), 0))
        train = self._value("train", Choice(("0", "1")), "0") == "1"
        hide = self._hide()
        for name in [n for n in self._texts if n not in _FOREIGN]:
            self._complain(f"{_quote(name)} is not a setting of this page")
        most = _MOST_MESSAGES
        shown = self._messages[:most]
        if len(self._messages) > most:
            shown.append(f"and {len(self._messages) - most} more")
        return Link(first, versus, train, step, chapter, hide, tuple(shown))

    def _experiment(self, prefix: str, base: Experiment) -> Experiment:
        read = {
            name: self._value(prefix + name, bound, getattr(base, name))
            for name, bound in BOUNDS.items()
        }
        return Experiment(**read)  # type: ignore[arg-type]

    def _value(self, name: str, bound: Bound, default: Value) -> Value:
        text = self._texts.pop(name, None)
        if text is None:
            return default
        try:
            return bound.parse(text)
        except ValueError:
            self._complain(f"{name} must be {bound}, not {_quote(text)}")
            return default

    def _hide(self) -> frozenset[str]:
        names = [n.strip() for n in self._texts.pop("hide", "").split(",") if n.strip()]
        for name in names:
            if name not in HIDEABLE:
                self._complain(f"hide takes {', '.join(HIDEABLE)}, not {_quote(name)}")
        return frozenset(names) & frozenset(HIDEABLE)

    def _complain(self, message: str) -> None:
        self._messages.append(message)


def _quote(text: str) -> str:
    shown = text[:_QUOTED] + ("…" if len(text) > _QUOTED else "")
    return "“" + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown) + "”"
