"""Every benchmark can be run in part: ``make bench ARGS=--quick``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.servers import ROOT

BENCHMARKS = sorted(path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py"))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_takes_quick(name: str) -> None:
    # Read, not run: a module that imports TensorFlow takes ten seconds to say its options.
    source = (ROOT / "benchmarks" / f"{name}.py").read_text()
    assert any(said in source for said in ('"--quick"', "parsed(parser", "measured("))


def test_quick_takes_other_defaults_and_what_is_said_counts_all_the_same() -> None:
    program = (
        "import argparse; from benchmarks._report import parsed; "
        "parser = argparse.ArgumentParser(); "
        "parser.add_argument('--readers', type=int, default=9); "
        "print(parsed(parser, readers=2).readers)"
    )

    def readers(*arguments: str) -> int:
        command = [sys.executable, "-c", program, *arguments]
        return int(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)

    assert [readers(), readers("--quick"), readers("--quick", "--readers", "5")] == [9, 2, 5]
