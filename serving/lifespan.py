"""What begins and ends with the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from live import garbage, metrics
from live.private import forget_the_gone
from live.settings import SETTINGS
from model.memory import give_back, have_few_heaps
from model.workers import begin, close, employ, workers
from serving import log
from serving.assets import packed_folder, packer
from serving.card import firsts
from serving.health import warm_up

# Seconds between two looks for readers who have gone for good.
_TIDIED_EVERY = 10.0


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Warm the worker while the server stands; end it with the server.

    uvicorn ends by the signal that it got, so that nothing registered to run at exit runs.
    """
    # Each reader has a thread. Docker's and make's servers are told so before they begin, which is
    # better.
    have_few_heaps()
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


async def _tidy() -> None:
    """Give back to the system what readers took who have gone."""
    some_have_gone = False
    while True:
        await asyncio.sleep(_TIDIED_EVERY)
        gone = forget_the_gone()
        if gone:
            metrics.forgotten(gone)
            some_have_gone = True
        # A session is a knot of references to itself.
        if some_have_gone and garbage.collect():
            some_have_gone = False
            give_back()
