"""What begins and ends with the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from model.workers import begin, close, workers
from serving import log
from serving.health import warm_up
from ui import meters


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Warm the worker while the server stands; end it with the server.

    uvicorn ends by the signal that it got, so that nothing registered to run at exit runs.
    """
    log.configure()
    meters.watch_queue(lambda: workers().waiting)
    warm_up.start()
    begin()
    yield
    close()
