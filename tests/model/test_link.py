"""The link: what is written is read back, and what anybody may write never breaks the page."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import asdict, replace
from random import Random
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from model.chapters import CHAPTERS
from model.experiment import BOUNDS, DEFAULTS, Bound, Choice, Experiment, Real, Whole
from model.link import HIDEABLE, VERSUS, Link, parameters, read, write

STEPS = Whole(0, 5_000_000)
MOST_MESSAGES = 8


def values_of(bound: Bound) -> st.SearchStrategy[Any]:
    if isinstance(bound, Choice):
        return st.sampled_from(bound.options)
    if isinstance(bound, Whole):
        return st.integers(bound.low, bound.high)
    numbers = st.floats(bound.low, bound.high)
    return numbers | st.just(0.0) if bound.or_zero else numbers


EXPERIMENTS = st.builds(Experiment, **{name: values_of(bound) for name, bound in BOUNDS.items()})


@st.composite
def links(draw: st.DrawFn) -> Link:
    chapter = draw(st.none() | st.sampled_from(sorted(CHAPTERS)))
    # Half of them: the chapter's own experiments, of which the link need not speak.
    own = chapter is not None and draw(st.booleans())
    first = CHAPTERS[chapter].first if own else draw(EXPERIMENTS)
    versus = CHAPTERS[chapter].second if own else draw(st.none() | EXPERIMENTS | st.just(first))
    if versus is None and chapter is not None and CHAPTERS[chapter].second is not None:
        versus = first  # such a chapter always has two lanes
    return Link(
        experiment=first,
        versus=versus,
        train=draw(st.booleans()),
        step=draw(values_of(STEPS)),
        chapter=chapter,
        hide=draw(st.frozensets(st.sampled_from(HIDEABLE))),
    )


@settings(max_examples=300)
@given(links())
def test_what_is_written_is_read_back_exactly(link: Link) -> None:
    assert read(write(link)) == link
    assert read("https://example.org/page?" + write(link) + "#there") == link
    assert read({name: [value] for name, value in parameters(link).items()}) == link


@settings(max_examples=300)
@given(EXPERIMENTS)
def test_defaults_are_left_out_and_nothing_else_is(experiment: Experiment) -> None:
    differing = {name for name, value in asdict(experiment).items() if value != DEFAULTS[name]}
    assert set(parameters(Link(experiment))) == differing


def test_the_link_of_the_bare_page_is_empty() -> None:
    assert write(Link()) == ""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_a_link_of_one_word(chapter: str) -> None:
    setup = CHAPTERS[chapter]
    link = read(f"chapter={chapter}")
    assert (link.experiment, link.versus) == (setup.first, setup.second)
    assert write(link) == f"chapter={chapter}"


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("prefix", ["", VERSUS])
def test_every_field_has_a_parameter_of_its_name_in_either_lane(prefix: str, name: str) -> None:
    bound = BOUNDS[name]
    other = bound.options[-1] if isinstance(bound, Choice) else bound.low
    changed = Experiment(**{name: other})
    link = read(f"{prefix}{name}={other}")
    assert (link.versus if prefix else link.experiment) == changed
    assert link.messages == ()


def test_the_second_lane_takes_what_it_does_not_say_from_the_first() -> None:
    link = read("layers=4&seed=7&vs.layers=2")
    assert link.versus == Experiment(layers=2, seed=7)


# --- what anybody may write -------------------------------------------------------------------


NAMES = [*BOUNDS, *(VERSUS + name for name in BOUNDS), "step", "train", "chapter", "hide"]
BOUND_OF: dict[str, Bound] = {
    **BOUNDS,
    **{VERSUS + name: bound for name, bound in BOUNDS.items()},
    "step": STEPS,
    "train": Choice(("0", "1")),
    "chapter": Choice(tuple(CHAPTERS)),
}
HOSTILE = [
    *("", " ", "nan", "-NaN", "inf", "-inf", "1e400", "-1e400", "1e-400", "0", "-0", "-1", "00"),
    *("+3", "3.0", "1,5", "0x10", "1_000", "１２", "٣", "²", "3 ", "\t3\n", "3\x00", "--3", "- 3"),
    *(
        "9" * 30,
        "-" + "9" * 30,
        "9" * 5_000,
        "None",
        "True",
        "relu ",
        "RELU",
        "relu\x00",
        "ｒｅｌｕ",
    ),
    *(
        "[]",
        "{}",
        "__import__('os')",
        "<script>",
        "../..",
        "%",
        "%zz",
        "%00",
        "%ff%fe",
        "💥",
        "\u202e",
    ),
    *("\ud800", "a" * 300, "ladder", "ladder,loss", "ladder,,", "everything"),
]
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        [option for b in BOUNDS.values() if isinstance(b, Choice) for option in b.options]
    ),
)
UNKNOWN = st.sampled_from(["layer", "Layers", "vs.", "vs.vs.layers", "embed", "__class__", "", "é"])
PAIR = st.tuples(st.sampled_from(NAMES) | UNKNOWN | st.text(max_size=6), VALUES)
PAIRS = st.lists(PAIR, max_size=4)
MANY_PAIRS = st.lists(PAIR, min_size=6, max_size=20)


def is_allowed(bound: Bound, text: str) -> bool:
    """What the table of bounds says of a text, worked out without the code under test."""
    if isinstance(bound, Choice):
        return text in bound.options
    if isinstance(bound, Whole):
        whole = re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text)
        return bool(whole) and bound.low <= int(text) <= bound.high
    assert isinstance(bound, Real)
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return False
    return bound.low <= number <= bound.high or (bound.or_zero and number == 0)


def complaints_due(pairs: list[tuple[str, str]]) -> Counter[str]:
    """How many messages are owed about each name."""
    due: Counter[str] = Counter()
    last = dict(pairs)
    for name, times in Counter(name for name, _ in pairs).items():
        due[name] += times - 1
        if name == "hide":
            parts = [part.strip() for part in last[name].split(",")]
            due[name] += sum(part not in HIDEABLE for part in parts if part)
        elif name in BOUND_OF:
            due[name] += not is_allowed(BOUND_OF[name], last[name])
        elif name not in ("embed", "embed_options"):
            due[name] += 1
    return +due


def assert_sound(link: Link) -> None:
    """A valid link, with messages that a page can show."""
    for experiment in (link.experiment, link.versus):
        if experiment is not None:
            assert Experiment(**asdict(experiment)) == experiment  # every bound is checked again
    assert 0 <= link.step <= STEPS.high
    assert link.chapter is None or link.chapter in CHAPTERS
    assert link.hide <= set(HIDEABLE)
    assert len(link.messages) <= MOST_MESSAGES + 1
    for message in link.messages:
        assert message.isprintable()
        assert 0 < len(message) < 400
    assert read(write(link)) == replace(link, messages=())


def assert_complains(link: Link, due: Counter[str]) -> None:
    """Exactly one message for everything that was dropped, each with the name of it."""
    assert len(link.messages) == min(due.total(), MOST_MESSAGES + 1)
    if due.total() <= MOST_MESSAGES:
        for name in due:
            shown = name[:40]
            if shown.isprintable():
                assert any(shown in message for message in link.messages)
    else:
        assert link.messages[-1] == f"and {due.total() - MOST_MESSAGES} more"


def by_name(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def number(random: Random) -> str:
    magnitude = 10.0 ** random.randint(-8, 10)
    return random.choice(("{:g}", "{:.0f}", "{!r}", " {:e}")).format(
        random.uniform(-1, 3) * magnitude
    )


# Ten thousand in all.
def examples(number: int) -> Any:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=number, deadline=None, suppress_health_check=slow)


@examples(1_000)
@given(PAIRS)
def test_whatever_stands_in_known_and_unknown_parameters_is_used_or_named(
    pairs: list[tuple[str, str]],
) -> None:
    link = read(by_name(pairs))
    assert_sound(link)
    assert_complains(link, complaints_due(pairs))


@examples(600)
@given(PAIRS)
def test_a_query_string_is_read_as_browsers_write_it(pairs: list[tuple[str, str]]) -> None:
    safe = [(name, value) for name, value in pairs if "\ud800" not in name + value]
    query = urlencode(safe, errors="surrogatepass")
    # The standard library's reading of what it wrote: an oracle for the splitting, not the values.
    understood = parse_qsl(query, keep_blank_values=True, errors="replace")
    link = read("?" + query)
    assert_sound(link)
    assert_complains(link, complaints_due(understood))


@examples(300)
@given(MANY_PAIRS)
def test_nobody_has_to_read_more_than_a_few_messages(pairs: list[tuple[str, str]]) -> None:
    assert_complains(read(by_name(pairs)), complaints_due(pairs))


@examples(7_000)
@given(st.integers(0, 2**64))
def test_thousands_of_hostile_links_are_used_or_named(seed: int) -> None:
    # Drawn from one number each: ten times as many in the same time, and shown when they fail.
    random = Random(seed)
    pairs = [
        (random.choice(NAMES), random.choice(HOSTILE) if random.random() < 0.5 else number(random))
        for _ in range(random.randrange(1, 7))
    ]
    note(str(pairs))
    link = read(by_name(pairs))
    assert_sound(link)
    assert_complains(link, complaints_due(pairs))


@examples(1_000)
@given(st.text(max_size=80) | st.text("&=?#%;+.,vslayer0123456789eNa ", max_size=80))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    assert_sound(read(text))


@examples(100)
@given(st.sampled_from(NAMES), st.sampled_from(["9", "a", "&", "=", "%", "é", "&layers=3", "&x=1"]))
def test_a_megabyte_of_anything_is_read_in_bounded_time_and_memory(name: str, unit: str) -> None:
    link = read(f"{name}={unit * (2**20 // len(unit))}")
    assert_sound(link)
    assert link.messages or unit in "&%"


@pytest.mark.parametrize("name", BOUNDS)
def test_what_cannot_be_read_is_named_with_what_is_allowed_and_what_came(name: str) -> None:
    link = read(f"{name}=nonsense")
    assert link.experiment == Experiment()
    assert link.messages == (f"{name} must be {BOUNDS[name]}, not “nonsense”",)


def test_one_bad_parameter_costs_no_other() -> None:
    link = read(f"layers=3&width=-5&{quote('gewichte')}=1&optimizer=adam")
    assert link.experiment == Experiment(layers=3, optimizer="adam")
    assert len(link.messages) == 2
