"""Settings: what is allowed, and what a server does that is given anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.servers import ROOT
from live.machine import SMALLEST, look
from live.settings import Settings, seats_for

WRONG = [
    ("SEATS", "abc"),
    ("SEATS", "0"),
    ("SEATS", ""),
    ("SEATS", "1.5"),
    ("WORKERS", "0"),
    ("WORKERS", "-1"),
    ("WORKERS", "1000"),
    ("MEMORY", "1"),
    ("URL", "example.org"),
    ("URL", "https://"),
    ("URL", "http://[::1"),
    ("ORIGINS", "example.org"),
    ("ORIGINS", "https://example.org/path"),
    ("FRAME_ANCESTORS", ""),
    ("FRAME_ANCESTORS", "*; script-src *"),
    ("FRAME_ANCESTORS", "*\r\nSet-Cookie: a=b"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_setting_that_cannot_be_is_named_with_what_came_and_what_is_allowed(
    name: str, value: str
) -> None:
    name = f"MIDDLE_LAYER_{name}"
    with pytest.raises(ValueError, match=name) as error:
        Settings.read({name: value})
    assert repr(value) in str(error.value)
    assert " must be" in str(error.value) or " must " in str(error.value)


def test_what_is_set_counts_and_what_is_not_has_a_default() -> None:
    read = Settings.read(
        {
            "MIDDLE_LAYER_URL": "https://example.org/",
            "MIDDLE_LAYER_SEATS": " 7 ",
            "MIDDLE_LAYER_ORIGINS": "https://a.example https://b.example:8443",
        }
    )
    assert read.url == "https://example.org"
    assert read.seats == 7
    assert read.origins == ("https://a.example", "https://b.example:8443")
    assert read.workers == 1
    assert read.frame_ancestors == "*"


def test_seats_follow_from_memory_unless_they_are_set() -> None:
    small = Settings.read({"MIDDLE_LAYER_MEMORY": "512"})
    assert small.seats == seats_for(512) < seats_for(4096) == 250
    both = {"MIDDLE_LAYER_MEMORY": "512", "MIDDLE_LAYER_SEATS": "200"}
    assert Settings.read(both).seats == 200


@pytest.mark.parametrize("script", ["server.py", "app.py"])
def test_a_server_with_a_setting_that_cannot_be_ends_with_one_line(script: str) -> None:
    run = f"import runpy; runpy.run_path({script!r})"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=ROOT,
        env={**os.environ, "MIDDLE_LAYER_SEATS": "abc"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "MIDDLE_LAYER_SEATS must be a whole number from 1 to 100,000, not 'abc'"
    )


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_container_of_version_2_says_what_may_be_used(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{2**30}\n",
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
        },
    )
    found = look(tmp_path)
    assert (found.memory, found.processors) == (1024, 0.5)


def test_a_container_of_version_1_says_what_may_be_used(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2**29}\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "25000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    found = look(tmp_path)
    assert (found.memory, found.processors) == (512, 0.25)


def test_the_strictest_of_the_groups_around_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/slice/unit\n",
            "sys/fs/cgroup/slice/memory.max": f"{2**30}\n",
            "sys/fs/cgroup/slice/unit/memory.max": "max\n",
            "sys/fs/cgroup/slice/unit/cpu.max": "max 100000\n",
        },
    )
    assert look(tmp_path).memory == 1024


def test_without_a_container_the_machine_itself_counts(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert found.memory >= SMALLEST
    assert found.processors >= 1
