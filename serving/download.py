"""Files to take home, each with an address of its own: ``/download/run.csv?layers=3&step=300``.

A run is a function of its link, so any replica answers, and needs to know nothing of who asks. As
with previews, all of it is bounded: one at a time, a few in the queue, the last ones kept, and no
run that takes longer than a reader waits.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from charts.pictures import all_of
from charts.theme import LANES
from export.downloads import EXPORTS, Export, Take
from live import metrics
from live.jobs import Busy, Jobs
from model.describe import titles
from model.diagnosis import diagnose
from model.link import Link, read, write
from model.run import Run
from model.workers import TooLittleMemory, WorkerError, heavy_workers, workers_for
from serving.address import address_of, base_of

# Seconds of a worker that the runs behind a file may take, that one piece of them may, and that a
# reader waits.
_BUDGET, _PIECE, _PATIENCE = 20.0, 0.02, 25.0

# Steps of the first piece, when nobody knows what a step costs.
_FEELER = 200

# Files kept, all of a run's and some more, each of up to some megabytes; and files that may wait.
_KEPT, _QUEUED = 2 * len(EXPORTS), 16

# Each attempt at what there is no memory for ends the worker that others wait for: it is not tried
# again for so many seconds. Until when, by the name of the file.
_REFUSED_FOR = 600.0
_refused: dict[str, float] = {}

_FILES = {export.file: export for export in EXPORTS}

_jobs = Jobs(_QUEUED, _KEPT)


class TooLong(Exception):
    """The run behind a file takes longer than anybody waits for it."""


async def download(request: Request) -> Response:
    """The file of the name, of the run of the link at its step; at its end, if it names none."""
    export = _FILES.get(request.path_params["file"])
    if export is None:
        return PlainTextResponse(f"there is no such file; there are {', '.join(_FILES)}", 404)
    link = replace(
        read(request.url.query), train=False, chapter=None, hide=frozenset(), messages=()
    )
    if time.monotonic() < _refused.get(export.file, 0.0):
        return _too_little_memory()
    asked = _ask(export, link, address_of(base_of(request), link))
    if asked is None:
        return _busy()
    made = asyncio.wrap_future(asked)
    done, _ = await asyncio.wait({made}, timeout=_PATIENCE)
    if not done:
        return _busy()
    # Of this one, not of ``asked``: an error that nobody fetches from it is logged.
    error = made.exception()
    if isinstance(error, TooLong):
        return PlainTextResponse(str(error), 422)
    if isinstance(error, TooLittleMemory):
        return _too_little_memory()
    if isinstance(error, WorkerError):
        return _busy()
    metrics.export(export.file)
    headers = {
        "Access-Control-Allow-Origin": "*",
        # A file is a function of its link and this program.
        "Cache-Control": "public, max-age=86400",
        "Content-Disposition": f'attachment; filename="middle-layer-{export.file}"',
    }
    return Response(made.result(), headers=headers, media_type=export.mime or "text/plain")


def _too_little_memory() -> Response:
    return PlainTextResponse("this server has too little memory to make this file", 503)


def _busy() -> Response:
    # A browser asks again by itself.
    again = {"Retry-After": "10", "Refresh": "10"}
    return PlainTextResponse("busy: asking again in ten seconds", 503, headers=again)


def _ask(export: Export, link: Link, url: str) -> Future[bytes] | None:
    with suppress(Busy):
        return _jobs.ask((export.file, url, write(link)), lambda: _make(export, link, url))
    return None


def _make(export: Export, link: Link, url: str) -> bytes:
    experiments = [each for each in (link.experiment, link.versus) if each is not None]
    runs = {
        name: _trained(Run(each, workers_for(each).advance), link.step, _BUDGET / len(experiments))
        for name, each in zip(LANES, experiments, strict=False)
    }
    named = titles({name: run.experiment for name, run in runs.items()})
    now = {name: run.history.at(run.step) for name, run in runs.items()}
    end = max(run.experiment.steps for run in runs.values())
    take = Take(
        {named[name]: run.history for name, run in runs.items()},
        {named[name]: diagnose(run).sentence for name, run in runs.items()},
        all_of(runs, now, end),
        url,
        max(run.step for run in runs.values()),
    )
    try:
        made = heavy_workers().call(export.make, take)
    except TooLittleMemory:
        _refused[export.file] = time.monotonic() + _REFUSED_FOR
        raise
    return made.encode() if isinstance(made, str) else made


def _trained(run: Run, step: int, budget: float) -> Run:
    """``run`` at ``step``, in pieces that nobody's frame waits for."""
    steps = min(step or run.experiment.steps, run.experiment.steps)
    pool = workers_for(run.experiment)
    # The first piece may have to wait for its graph; what a step costs is what the second takes.
    for _ in range(2):
        run.advance(min(steps - run.step, _FEELER))
    while run.step < steps and run.diverged is None:
        cost = pool.seconds_per_step(run.experiment) or _PIECE / _FEELER
        if (steps - run.step) * cost > budget:
            raise TooLong(
                f"this run takes too long to be made again here: {steps:,} steps. Take an earlier "
                "step, or train it yourself with the command line: python -m export"
            )
        piece = max(1, min(steps - run.step, int(_PIECE / cost)))
        run.advance(piece)
        budget -= piece * cost
    return run
