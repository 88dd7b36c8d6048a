"""What begins and ends with the server."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from live import metrics
from live.private import forget_the_gone
from live.settings import SETTINGS
from model.workers import begin, close, employ, workers
from serving import log
from serving.assets import packed_folder, packer
from serving.card import firsts
from serving.health import warm_up

# Where there is the GNU C library. The number names M_ARENA_MAX: how many heaps there may be.
# Windows has no library of that kind, and no name for it.
_C = ctypes.CDLL(None) if os.name == "posix" else None
_malloc_trim, _mallopt = getattr(_C, "malloc_trim", None), getattr(_C, "mallopt", None)
_ARENA_MAX = -8

# Seconds between two looks for readers who have gone for good.
_TIDIED_EVERY = 10.0


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Warm the worker while the server stands; end it with the server.

    uvicorn ends by the signal that it got, so that nothing registered to run at exit runs.
    """
    _have_few_heaps()
    log.configure()
    metrics.watch_queue(lambda: workers().waiting)
    employ(SETTINGS.workers, SETTINGS.memory)
    warm_up.start()
    begin()
    workers().when_ready(firsts.prepare)
    tidying = asyncio.create_task(_tidy())
    with packer(packed_folder()):
        yield
    tidying.cancel()
    close()


def _have_few_heaps() -> None:
    """Have no thread keep a heap for itself, for each reader has one.

    Docker's and make's servers are told so before they begin, which is better.
    """
    if _mallopt is not None:
        _mallopt(_ARENA_MAX, 1)


async def _tidy() -> None:
    """Give back to the system what readers took who have gone."""
    while True:
        await asyncio.sleep(_TIDIED_EVERY)
        gone = forget_the_gone()
        if gone:
            metrics.forgotten(gone)
            # A session is a knot of references to itself, and the page collects garbage seldom.
            gc.collect()
            if _malloc_trim is not None:
                _malloc_trim(0)
