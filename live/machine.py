"""What this process may use: memory and processors, as its container says, not as the host has.

Inside a container ``/proc`` shows the host's memory and all of its cores; what counts stands in
the control group. Two versions of it are about, and neither has to be there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# The least that the page can do anything with, in MiB.
SMALLEST = 384

_MIB = 2**20

_ROOT = Path("/")


@dataclass(frozen=True)
class Machine:
    """What there is to use."""

    memory: int  # MiB
    processors: float


def look(root: Path = _ROOT) -> Machine:
    """Read it; ``root`` is where ``proc`` and ``sys`` are found."""
    groups = _groups(root)
    total = psutil.virtual_memory().total
    limits = [limit for limit in (_memory_limit(group) for group in groups) if limit]
    memory = max(SMALLEST, min([total, *limits]) // _MIB)
    shares = [share for share in (_processor_limit(group) for group in groups) if share]
    return Machine(memory, min([float(_visible_processors()), *shares]))


def _visible_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _groups(root: Path) -> list[Path]:
    """Folders of this process' control groups, and of those around them."""
    mounted = root / "sys/fs/cgroup"
    found: dict[Path, None] = {}
    lines: list[str] = []
    with suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        tops = [mounted / controllers, *(mounted / each for each in controllers.split(","))]
        for top in tops if controllers else [mounted, mounted / "unified"]:
            # In a container the path is often the host's, and the folder is the mount's own.
            folder = top / path.lstrip("/")
            while folder != top and top in folder.parents:
                found.setdefault(folder)
                folder = folder.parent
            found.setdefault(top)
    return [folder for folder in found if folder.is_dir()]


def _memory_limit(group: Path) -> int | None:
    # Without a limit version 1 says a number near 2^63, version 2 "max".
    for name in ("memory.max", "memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            limit = int((group / name).read_text())
            return limit if 0 < limit < 2**60 else None
    return None


def _processor_limit(group: Path) -> float | None:
    with suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    with suppress(OSError, ValueError):
        share = int((group / "cpu.cfs_quota_us").read_text())
        return share / int((group / "cpu.cfs_period_us").read_text()) if share > 0 else None
    return None


MACHINE = look()
