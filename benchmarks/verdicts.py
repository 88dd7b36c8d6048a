"""How often the verdicts come true, and how well the wake-up is foretold.

With --write the tables go into docs/verdicts.md, which says what they mean.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from math import exp, log
from pathlib import Path
from time import process_time
from typing import get_args

import numpy as np

from benchmarks._report import parsed
from harness.fates import disagreement, draw, fates
from model.diagnosis import Diagnosis, Verdict, diagnose
from model.evidence import AWAKE, SPAN
from model.experiment import DEFAULTS, MOST_STEPS, Experiment
from model.run import Run

PAGE = Path(__file__).parents[1] / "docs" / "verdicts.md"

# Never those that the bounds in model.evidence were chosen with (docs/verdicts.md names them).
HELD_OUT_SEED, SLEEPERS_SEED = 7_000, 8_000
HELD_OUT, SLEEPERS = 200, 60

# A forecast is good when it is off by less than this factor.
FACTOR = log(2)

JUDGED_AT, UNTIL, LOOK_EVERY = 2_000, 20_000, 100


def settings(experiment: Experiment) -> str:
    """The fields of an experiment that differ from the defaults, as in a link."""
    found = []
    for f in fields(experiment):
        value = getattr(experiment, f.name)
        if value != DEFAULTS[f.name]:
            found.append(
                f"{f.name}={value:.2g}" if isinstance(value, float) else f"{f.name}={value}"
            )
    return " ".join(found)


def fates_table(seed: int, count: int) -> Iterator[str]:
    """Verdicts at step 2,000 against what the oracle makes of the same networks by step 20,000."""
    generator = np.random.default_rng(seed)
    runs = [Run.at(draw(generator), JUDGED_AT) for _ in range(count)]
    found = [diagnose(run) for run in runs]
    went_on = [run for run in runs if run.diverged is None]
    seen = dict(
        zip(map(id, went_on), fates(went_on, range(JUDGED_AT, UNTIL + 1, LOOK_EVERY)), strict=True)
    )
    said, missed, rows = Counter(d.verdict for d in found), Counter[str](), []
    for number, (run, diagnosis) in enumerate(zip(runs, found, strict=True), 1):
        if run.diverged is None:
            reason = disagreement(diagnosis, seen[id(run)])
        else:
            reason = None if diverges_too(run) else "the oracle stays finite"
        if reason is not None:
            missed[diagnosis.verdict] += 1
            what = diagnosis.verdict + _interval(diagnosis)
            rows.append(f"| {number} | {what} | {reason} | `{settings(run.experiment)}` |")
    right = count - len(rows)
    percent = 100 * right / count
    yield f"{right} of {count} verdicts came true ({percent:.1f} %), draws of seed {seed}.\n"
    yield "| verdict at step 2,000 | networks | came true by step 20,000 |\n| --- | --- | --- |"
    for verdict in get_args(Verdict):
        yield f"| {verdict} | {said[verdict]} | {said[verdict] - missed[verdict]} |"
    yield "\n| draw | said | what became of it | experiment, to two digits |"
    yield "| --- | --- | --- | --- |"
    yield from rows


def diverges_too(run: Run) -> bool:
    """Whether the oracle, from the same initial parameters, is not finite by then either.

    Give or take a tenth of the steps: what grows without bound magnifies every rounding.
    """
    begun = Run.at(run.experiment, 0)
    return not fates([begun], [run.step + 2 + run.step // 10])[0].finite.all()


def _interval(diagnosis: Diagnosis) -> str:
    if diagnosis.wakes_at is None:
        return ""
    early, guess, late = diagnosis.wakes_at
    return f" at {guess:,} ({early:,} to {late:,})"


@dataclass(frozen=True)
class Forecast:
    """A wake-up foretold, and when it came."""

    step: int  # at which it was foretold
    interval: tuple[int, int, int]  # earliest, best guess, latest
    woke: float

    @property
    def off(self) -> float:
        """Logarithm of the guess over the truth."""
        return log(self.interval[1] / self.woke)

    @property
    def inside(self) -> bool:
        """Whether the truth lies in the interval, to a hundredth: the looks are no closer."""
        return self.interval[0] / 1.01 <= self.woke <= self.interval[2] * 1.01


@dataclass(frozen=True)
class Sleeper:
    """One network that slept at step 10,000, watched until it woke."""

    experiment: Experiment
    woke: float  # step; between two looks by the law of growth
    forecasts: list[Forecast]  # those that were given


def sleepers(seed: int, count: int) -> Iterator[Sleeper]:
    """Networks of two or three layers, scale 1e-3 to 1e-2, that sleep at step 10,000."""
    generator = np.random.default_rng(seed)
    while count:
        scale = float(10 ** generator.uniform(-3, -2))
        run = Run(
            Experiment(
                layers=int(generator.choice([2, 3], p=[0.3, 0.7])),
                weight_scale=scale,
                bias=str(generator.choice(["normal", "constant"])),
                bias_scale=float(generator.choice([scale, 10 ** generator.uniform(-3, -1)])),
                activation=str(generator.choice(["relu", "relu", "leaky_relu", "tanh"])),
                learning_rate=float(generator.choice([1e-3, 10 ** generator.uniform(-4, -2.5)])),
                seed=int(generator.integers(2**31)),
            )
        )
        run.advance(10_000)
        if diagnose(run).verdict in ("asleep", "waking"):
            count -= 1
            yield watch(run)


def watch(run: Run) -> Sleeper:
    """Train a sleeping network until it wakes; ask for a forecast at each hundredth of its age."""
    told = []
    share = before = _share(run)
    step = run.step
    while share < AWAKE and run.step < MOST_STEPS:
        interval = diagnose(run).wakes_at
        if interval is not None:
            told.append((run.step, interval))
        before, step = share, run.step
        run.advance(min(run.step // 100, MOST_STEPS - run.step))
        share = _share(run)
    part = log(AWAKE / before) / log(share / before) if share >= AWAKE else np.inf
    woke = step + part * (run.step - step)
    return Sleeper(run.experiment, woke, [Forecast(*one, woke) for one in told])


def _share(run: Run) -> float:
    return float(np.ptp(run.estimate(np.linspace(-1, 1, 41)))) / SPAN


def forecasts_table(seed: int, count: int) -> Iterator[str]:
    """How far the foretold wake-up step is from the true one."""
    found = list(sleepers(seed, count))
    woken = [s for s in found if s.woke < np.inf]
    told = [s for s in woken if s.forecasts]
    first = [s.forecasts[0] for s in told]
    every = [forecast for s in told for forecast in s.forecasts]
    woke = [s.woke for s in woken]
    away = np.median([forecast.step / forecast.woke for forecast in first])
    yield (
        f"{len(woken)} networks asleep at step 10,000, draws of seed {seed}; they woke at step "
        f"{min(woke):,.0f} to {max(woke):,.0f}. {len(found) - len(woken)} more slept on beyond "
        f"{MOST_STEPS:,} and are not counted.\n"
    )
    yield "| | first forecast | every forecast |\n| --- | --- | --- |"
    yield f"| how many | {len(told)} of {len(woken)} networks | {len(every)} |"
    for label, value in _ROWS.items():
        yield f"| {label} | {value(first)} | {value(every)} |"
    yield f"| given at this share of the sleep, median | {away:.2f} | |"
    yield ""
    for s in woken:
        if not s.forecasts:
            yield f"- `{settings(s.experiment)}`: woke at {s.woke:,.0f}, not foretold"
        elif abs(s.forecasts[0].off) > FACTOR:
            at, (_, guess, _) = s.forecasts[0].step, s.forecasts[0].interval
            foretold = f"foretold at {at:,} for {guess:,}"
            yield f"- `{settings(s.experiment)}`: woke at {s.woke:,.0f}, {foretold}"


def _share_of(flags: list[bool]) -> str:
    return f"{100 * np.mean(flags):.0f} %"


def _spread(forecasts: list[Forecast]) -> str:
    low, middle, high = (exp(q) for q in np.quantile([f.off for f in forecasts], [0.05, 0.5, 0.95]))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


_ROWS: Mapping[str, Callable[[list[Forecast]], str]] = {
    "within a factor 2 of the true step": lambda fs: _share_of([abs(f.off) < FACTOR for f in fs]),
    "true step inside the interval": lambda fs: _share_of([f.inside for f in fs]),
    "forecast / true step: median (5 % to 95 %)": _spread,
}


def put(page: str, name: str, table: str) -> str:
    """The page with the part between the marks ``name`` replaced."""
    start, stop = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    before, rest = page.split(start)
    return before + start + table + stop + rest.split(stop)[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/verdicts.md")
    parser.add_argument("--seed", type=int, default=0, help="added to both seeds: other draws")
    parser.add_argument("--count", type=int, help="so many networks in both tables")
    arguments = parsed(parser, count=8)
    tables = {
        "fates": fates_table(HELD_OUT_SEED + arguments.seed, arguments.count or HELD_OUT),
        "forecasts": forecasts_table(SLEEPERS_SEED + arguments.seed, arguments.count or SLEEPERS),
    }
    for name, lines in tables.items():
        start = process_time()
        table = "\n".join(lines)
        print(table, f"\n({process_time() - start:.0f} s of CPU)\n", flush=True)
        if arguments.write:
            PAGE.write_text(put(PAGE.read_text(), name, table))


if __name__ == "__main__":
    main()
