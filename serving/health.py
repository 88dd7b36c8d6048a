"""Whether the server lives, and whether it is ready for readers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from model.experiment import Experiment
from model.run import in_process
from model.workers import WorkerError, Workers, workers

# Train has to answer within this many seconds before anybody is sent here.
_PROMPT = 1.0

_POLL = 0.2


class WarmUp(threading.Thread):
    """Starts the workers beside the event loop, so that the page stands while TensorFlow loads."""

    def __init__(self) -> None:
        super().__init__(name="warm-up", daemon=True)
        self._pool: Workers | None = None
        self._prompt = False

    @property
    def ready(self) -> bool:
        """Whether Train would answer now: it has once, and the worker still stands."""
        return self._prompt and self._pool is not None and self._pool.ready

    @property
    def report(self) -> str:
        """How it goes, in a few words."""
        if self._pool is None:
            return "starting"
        if self.ready:
            return "ready"
        return self._pool.error or f"warming up for {self._pool.warming_seconds:.0f} s"

    def run(self) -> None:
        """Wait until the worker is warm; then press Train until it answers promptly."""
        self._pool = pool = workers()
        while not self._prompt and pool.error is None:
            time.sleep(_POLL)
            if not pool.ready:
                continue
            began = time.monotonic()
            with suppress(WorkerError):
                pool.call(in_process, Experiment(layers=3), None, 1)
                self._prompt = time.monotonic() - began < _PROMPT


warm_up = WarmUp()


def healthz(_: Request) -> Response:
    """The process answers: it is alive."""
    return PlainTextResponse("ok")


def readyz(_: Request) -> Response:
    """200 when Train would answer within a second, 503 before."""
    status = 200 if warm_up.ready else 503
    return PlainTextResponse(warm_up.report, status, headers={"Cache-Control": "no-store"})
