"""What a process keeps of the memory that it no longer needs, and what it need not load.

The first is the C library's matter, where it is the GNU one; elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Windows has no library of that kind, and no name for it. The number names M_ARENA_MAX: how many
# heaps there may be.
_C = ctypes.CDLL(None) if os.name == "posix" else None
_malloc_trim, _mallopt = getattr(_C, "malloc_trim", None), getattr(_C, "mallopt", None)
_ARENA_MAX = -8

# Keras imports these where they are installed, and does without where they are not: 40 of a
# worker's 220 MiB, and a second of its start (measured). Charts have the first imported later.
_NOT_NEEDED = ("pandas", "IPython")


def give_back() -> None:
    """Give what has been freed back to the system, and keep nothing for later."""
    if _malloc_trim is not None:
        _malloc_trim(0)


def have_few_heaps() -> None:
    """Have no thread keep a heap for itself."""
    if _mallopt is not None:
        _mallopt(_ARENA_MAX, 1)


@contextmanager
def loading_less() -> Iterator[None]:
    """Have what is imported meanwhile find none of what it can do without."""
    hidden = [name for name in _NOT_NEEDED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # which means: not to be found
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
