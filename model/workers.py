"""Training in another process: spawn it, warm it, ask it, replace it when it dies.

The page's process never imports TensorFlow (Streamlit would clear Keras' session after every
run of every reader, and the import alone would hold the page for ten seconds). A worker holds no
state: any worker serves anyone, and a dead one costs a retry and no run.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from model import jobs
from model.experiment import Experiment
from model.graph import Graph
from model.line import Asker, Line
from model.state import Snapshots, State
from model.worker import Worker, WorkerDied

Result = TypeVar("Result")

# What a worker needs until it answers, on a small machine; the page says so while it waits.
WARM_UP_SECONDS = 15

# Heavy jobs (the atlas, exports) have a worker of their own, so that nobody's frames wait for them.
# It goes when it has had nothing to do for this many seconds.
_HEAVY_IDLE = 300

# A job whose worker dies is tried again, in a new one. A job that kills every worker it meets
# (for lack of memory, say) must come to an end.
_ATTEMPTS = 3

# One that cannot start is tried again after so many seconds.
_PAUSE = 5.0

# A worker that has grown by so many bytes (of graphs that readers asked for and nobody uses any
# more: TensorFlow never gives them back) is replaced: where there is room for two of them, once
# its successor is warm. A graph takes some 10 MB.
_MOST_GROWTH = 5 * 10**8

# Memory, in MiB, from which on there is room for a worker a kind of job, and for one beside that of
# the chapters; below the second, one does everything, and who comes with a network of their own or
# with the atlas waits for the frames of the others in between.
_ROOMY, _TIGHT = 1_536, 900
_SMALL_GROWTH = 15 * 10**7
_OTHERS_IDLE = 120

# How often who is next for a worker is told so and looked for, in seconds; who is tenth half as
# often (sixty who are told of each step of a long line took a tenth of a crowded server's time).
_LOOK = 0.5

# Read by TensorFlow when the worker starts. The page's process needs a core of its own, so each
# worker computes on one thread; and what has the page give back memory would slow a worker down
# (by a seventh, for few steps at a time).
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "GLIBC_TUNABLES": "",
    "PYTHONMALLOC": "",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


class WorkerError(RuntimeError):
    """A job could not be done, because the workers that tried it died."""


class TooLittleMemory(WorkerError):
    """The system ended every worker that tried the job."""


class Gone(WorkerError):
    """A job was not begun, because nobody waits for it any more."""


class Workers:
    """A pool of processes that run pure functions, above all ``advance``."""

    def __init__(
        self,
        processes: int = 1,
        warm_up: Callable[[], None] = jobs.warm_up,
        idle_seconds: float | None = None,
        most_growth: int | None = None,
        spare: bool = True,
    ) -> None:
        """Begin ``processes`` of them, or, with ``idle_seconds``, when they are asked for.

        ``spare``: whether there is room for a successor beside the worker that it replaces.
        """
        self.processes = processes
        #: Why there is no worker, when none could be started; it is tried again all the time.
        self.error: str | None = None
        self._warm_up = warm_up
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._begun: set[Worker] = set()
        self._warm: set[Worker] = set()
        self._most_growth = most_growth
        self._spare = spare
        self._free: list[Worker] = []
        self._line: Line[Worker] = Line()
        self._outgrown: set[Worker] = set()
        self._began = time.monotonic()
        self._waiting = 0
        self._woken = False
        self._closed = False
        self._seconds_per_step: dict[Graph, float] = {}
        for _ in range(processes):
            self._begin_keeper()

    @property
    def ready(self) -> bool:
        """Whether a job sent now is begun without waiting for TensorFlow."""
        return bool(self._warm)

    @property
    def warming_seconds(self) -> float:
        """For how long the present worker has been warming up."""
        return time.monotonic() - self._began

    @property
    def waiting(self) -> int:
        """How many jobs are queued or running."""
        return self._waiting

    def advance(
        self, experiment: Experiment, state: State | None, steps: int
    ) -> tuple[State, Snapshots]:
        """``model.trainer.advance`` in a worker.

        Raises
        ------
        WorkerError
            If the workers that tried it died.
        """
        result, seconds = self.call(jobs.train, experiment, state, steps)
        if steps:
            self._seconds_per_step[Graph.of(experiment)] = seconds / steps
        return result

    def seconds_per_step(self, experiment: Experiment) -> float | None:
        """What a step of such an experiment has cost a worker the last time, if there was one."""
        return self._seconds_per_step.get(Graph.of(experiment))

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that can be imported, in a worker, and wait for its result.

        Raises
        ------
        WorkerError
            If the workers that tried it died, or if it was given up before. What the function
            raises comes through.
        """
        asker, killed = _asker(), 0
        for _ in range(_ATTEMPTS):
            with self._borrowed(asker) as worker:
                try:
                    return worker.call(function, *arguments)
                except WorkerDied as died:
                    killed += died.killed
        if killed == _ATTEMPTS:
            raise TooLittleMemory(
                "the server has too little memory for this: the system ended the process that "
                f"trains, {_ATTEMPTS} times"
            )
        raise WorkerError(f"the worker process died {_ATTEMPTS} times over this job")

    def when_ready(self, then: Callable[[], object]) -> None:
        """Call ``then`` from a thread of its own once a worker answers, or at once if one does."""

        def wait() -> None:
            with self._changed:
                self._changed.wait_for(lambda: self.ready or self._closed)
            if not self._closed:
                then()

        threading.Thread(target=wait, daemon=True).start()

    def wake(self) -> None:
        """Begin the workers of a pool that begins them when they are asked for."""
        if self._idle_seconds is not None and not self._warm and not self._woken:
            with self._changed:
                self._woken = True
                self._changed.notify_all()

    def close(self) -> None:
        """End the processes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._line.call_all()
            begun = list(self._begun)
        for worker in begun:
            worker.end()

    @contextmanager
    def _borrowed(self, asker: Asker) -> Iterator[Worker]:
        """A worker that is warm and has nothing else to do."""
        with self._changed:
            self._waiting += 1
        try:
            worker = self._take(asker)
            began = time.monotonic()
            try:
                yield worker
            finally:
                self._give_back(worker, asker, time.monotonic() - began)
        finally:
            with self._changed:
                self._waiting -= 1

    def _take(self, asker: Asker) -> Worker:
        with self._changed:
            if self._idle_seconds is not None:
                self._changed.notify_all()  # its keeper sleeps until somebody waits
            if self._free:
                return self._free.pop(0)
            ticket = self._line.join(asker)
        try:
            while True:
                with self._changed:
                    if ticket.thing is not None:
                        return ticket.thing
                    if self.error or self._closed:
                        raise WorkerError(self.error or "the workers have been closed")
                    ticket.called.clear()
                    before = self._line.before(ticket)
                if not asker.is_there():
                    raise Gone("nobody waits for this any more")
                if not ticket.called.wait(_LOOK * (1 + before / 10)):
                    asker.say(before)
        except BaseException:
            with self._changed:
                self._line.leave(ticket)
                if ticket.thing is not None:  # called while it went
                    self._free_up(ticket.thing)
            raise

    def _give_back(self, worker: Worker, asker: Asker, seconds: float) -> None:
        with self._changed:
            self._line.charge(asker.name, seconds)
            most = _MOST_GROWTH if self._most_growth is None else self._most_growth
            grown = worker.grown > most
            if grown and self._spare and worker not in self._outgrown:
                self._outgrown.add(worker)
                self._begin_keeper()
            replaced = worker in self._outgrown and self._warm - self._outgrown
            if not replaced and (self._spare or not grown):
                if worker.alive:
                    self._free_up(worker)
                return
        worker.end()  # its successor is warm, or will be

    def _free_up(self, worker: Worker) -> None:
        if not self._line.hand(worker):
            self._free.append(worker)

    def _begin_keeper(self) -> None:
        threading.Thread(target=self._keep, name="keeper", daemon=True).start()

    def _keep(self) -> None:
        """See to it that there is a worker: begin one, wait until it ends, begin another."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._closed
                        or self._idle_seconds is None
                        or self._waiting > 0
                        or self._woken
                    )
                )
                self._woken = False
                if self._closed:
                    return
                self._began = time.monotonic()
                worker = Worker(_ENVIRONMENT, self._idle_seconds)
                self._begun.add(worker)
            try:
                worker.call(self._warm_up)
            except Exception as error:
                worker.end()
                self._note(f"{type(error).__name__}: the worker did not start")
            else:
                self._note(None, warm=worker)
                worker.wait()
            with self._changed:
                self._begun.discard(worker)
                self._warm.discard(worker)
                if worker in self._free:
                    self._free.remove(worker)
                if worker in self._outgrown:  # another keeper has seen to its successor
                    self._outgrown.discard(worker)
                    return
                if self.error:
                    self._changed.wait_for(lambda: self._closed, _PAUSE)

    def _note(self, error: str | None, warm: Worker | None = None) -> None:
        with self._changed:
            self.error = error
            if warm is not None:
                self._warm.add(warm)
                self._free_up(warm)
            if error:
                self._line.call_all()
            self._changed.notify_all()


_COMPILED = frozenset(map(Graph.of, jobs.STORY))

_pools: dict[str, Workers] = {}
_employed, _memory = 1, 2**20
_asker: Callable[[], Asker] = Asker
_spawning = threading.Lock()


def workers() -> Workers:
    """The workers that train the networks of the presets, begun when first asked for.

    They stay: a new one takes ten seconds. :func:`employ` says how many, before.
    """
    if _memory >= _TIGHT:
        return _pool("training", lambda: Workers(_employed))
    return _pool("training", lambda: Workers(1, most_growth=_SMALL_GROWTH, spare=False))


def employ(processes: int, memory: int = 2**20, asker: Callable[[], Asker] = Asker) -> None:
    """Say what there is to work with, before any workers are asked for.

    Parameters
    ----------
    processes
        How many train the networks of the presets.
    memory
        MiB that the whole server may use.
    asker
        For whom the calling thread asks.
    """
    global _employed, _memory, _asker
    _employed, _memory, _asker = processes, memory, asker


def workers_for(experiment: Experiment) -> Workers:
    """The workers that train ``experiment``.

    A network like those of the presets finds its graph compiled. Any other has to wait for that a
    second or two, and so does who stands in line behind it: they have a worker to themselves.
    """
    return workers() if is_compiled(experiment) else _others()


def _others() -> Workers:
    if _memory >= _ROOMY:
        return _pool("others", lambda: Workers(1, jobs.import_tensorflow))
    if _memory >= _TIGHT:
        pool = _pool(
            "others",
            lambda: Workers(1, jobs.import_tensorflow, _OTHERS_IDLE, _SMALL_GROWTH, spare=False),
        )
        pool.wake()
        return pool
    return workers()


def is_compiled(experiment: Experiment) -> bool:
    """Whether workers find the experiment's graph compiled when they are warm."""
    return Graph.of(experiment) in _COMPILED


def heavy_workers() -> Workers:
    """The one worker for heavy jobs, begun when first asked for; jobs wait for each other."""
    if _memory < _ROOMY:
        return _others()
    return _pool("heavy", lambda: Workers(1, jobs.warm_up_for_heavy_jobs, _HEAVY_IDLE))


def begin() -> None:
    """Begin the workers that readers need: first the presets', and after them the others'."""
    pool = workers()
    if _memory >= _ROOMY:
        pool.when_ready(_others)


def close() -> None:
    """End every process that was begun here."""
    for pool in list(_pools.values()):
        pool.close()


def _pool(name: str, spawn: Callable[[], Workers]) -> Workers:
    with _spawning:
        if name not in _pools:
            _pools[name] = spawn()
        return _pools[name]


atexit.register(close)
