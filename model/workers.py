"""Training in another process: spawn it, warm it, ask it, replace it when it dies.

The page's process never imports TensorFlow (Streamlit would clear Keras' session after every
run of every reader, and the import alone would hold the page for ten seconds). A worker holds no
state: any worker serves anyone, and a dead one costs a retry and no run.

``loky`` rather than the standard library's pool: under Streamlit that one would run the page
again in each child, because Streamlit puts the script in ``__main__``.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from loky import ProcessPoolExecutor, set_loky_pickler
from loky.process_executor import BrokenProcessPool

from model.experiment import MOST_LAYERS, PRESETS, Experiment
from model.graph import Graph
from model.run import Run, in_process
from model.state import Snapshots, State

Result = TypeVar("Result")

# Everything that goes to a worker can be imported there, and the plain pickler is the faster one.
set_loky_pickler("pickle")

# What a worker needs until it answers, on a small machine; the page says so while it waits.
WARM_UP_SECONDS = 15

# Heavy jobs (the atlas, exports) have a worker of their own, so that nobody's frames wait for them.
# It takes what the others leave, and goes when it has had nothing to do for this many seconds.
_NICE = 10
_HEAVY_IDLE = 300

# A job whose worker dies is tried again, in a new one. A job that kills every worker it meets
# (for lack of memory, say) must come to an end.
_ATTEMPTS = 3

# Read by TensorFlow and loky when the worker starts. The page's process needs a core of its own,
# so each worker computes on one thread. A worker that has grown by a gigabyte (of graphs that
# readers asked for and nobody uses any more) is replaced by a fresh one.
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "LOKY_MAX_MEMORY_LEAK_SIZE": "1e9",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


class WorkerError(RuntimeError):
    """A job could not be done, because the workers that tried it died."""


def warm_up() -> None:
    """Import TensorFlow and compile the graphs of the presets; runs in the worker."""
    _watch_the_parent()
    for experiment in PRESETS.values():
        Run(experiment).advance(1)


def _plainly(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function; an error of TensorFlow's own becomes a plain one.

    The page could not even receive it without importing TensorFlow.
    """
    try:
        return function(*arguments)
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("keras", "tensorflow"):
            raise RuntimeError(f"{type(error).__name__}: {error}") from None
        raise


def _timed(
    experiment: Experiment, state: State | None, steps: int
) -> tuple[tuple[State, Snapshots], float]:
    """``advance``, and the seconds that it took without the way to the worker and back."""
    began = time.perf_counter()
    return in_process(experiment, state, steps), time.perf_counter() - began


def import_tensorflow() -> None:
    """Import TensorFlow; runs in the worker."""
    _watch_the_parent()
    import model.trainer  # noqa: F401


def warm_up_for_heavy_jobs() -> None:
    """Step back behind those who draw and train; runs in the worker."""
    _watch_the_parent()
    os.nice(_NICE)


def _watch_the_parent() -> None:
    # A worker whose parent was killed outright would wait for jobs for ever.
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


class Workers:
    """A pool of processes that run pure functions, above all ``advance``."""

    def __init__(
        self,
        processes: int = 1,
        warm_up: Callable[[], None] = warm_up,
        idle_seconds: float | None = None,
    ) -> None:
        self.processes = processes
        self._warm_up = warm_up
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._waiting = 0
        self._seconds_per_step: dict[Graph, float] = {}
        self._executor, self._answer = self._spawn()

    @property
    def ready(self) -> bool:
        """Whether a job sent now is begun without waiting for TensorFlow."""
        answer = self._answer
        return answer.done() and not answer.cancelled() and answer.exception() is None

    @property
    def error(self) -> str | None:
        """Why there is no worker, when there is none and will be none by itself."""
        answer = self._answer
        if not answer.done() or answer.cancelled() or answer.exception() is None:
            return None
        return f"{type(answer.exception()).__name__}: the worker did not start"

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
        result, seconds = self.call(_timed, experiment, state, steps)
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
            If the workers that tried it died. What the function raises comes through.
        """
        with self._counted():
            for _ in range(_ATTEMPTS):
                executor = self._executor
                try:
                    result: Result = executor.submit(_plainly, function, *arguments).result()
                except BrokenProcessPool:
                    self._replace(executor)
                else:
                    return result
        raise WorkerError(f"the worker process died {_ATTEMPTS} times over this job")

    def when_ready(self, then: Callable[[], object]) -> None:
        """Call ``then`` from a thread of its own once the workers answer, or at once if they do."""
        self._answer.add_done_callback(lambda _: threading.Thread(target=then, daemon=True).start())

    def close(self) -> None:
        """End the processes."""
        self._executor.shutdown(wait=False, kill_workers=True)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _spawn(self) -> tuple[ProcessPoolExecutor, Any]:
        executor = ProcessPoolExecutor(
            max_workers=self.processes,
            timeout=self._idle_seconds,
            initializer=self._warm_up,
            env=_ENVIRONMENT,
        )
        return executor, executor.submit(os.getpid)

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._executor is broken:  # else somebody else has replaced it
                self._began = time.monotonic()
                self._executor, self._answer = self._spawn()


_pools: dict[str, Workers] = {}
_spawning = threading.Lock()


def workers() -> Workers:
    """The workers that train the networks of the presets, begun when first asked for.

    They stay: a new one takes ten seconds. ``MIDDLE_LAYER_WORKERS`` says how many; by default one
    for every core but the page's own.
    """
    default = max(1, (os.cpu_count() or 1) - 1)
    return _pool("training", lambda: Workers(int(os.getenv("MIDDLE_LAYER_WORKERS", default))))


def workers_for(experiment: Experiment) -> Workers:
    """The workers that train ``experiment``.

    A network like those of the presets finds its graph compiled. Any other has to wait for that a
    second or two, and so does who stands in line behind it: they have a worker to themselves.
    """
    if is_compiled(experiment):
        return workers()
    return _pool("others", lambda: Workers(1, import_tensorflow))


def is_compiled(experiment: Experiment) -> bool:
    """Whether workers find the experiment's graph compiled when they are warm."""
    return Graph.of(experiment) in {Graph.of(preset) for preset in PRESETS.values()}


def heavy_workers() -> Workers:
    """The one worker for heavy jobs, begun when first asked for; jobs wait for each other."""
    return _pool("heavy", lambda: Workers(1, warm_up_for_heavy_jobs, _HEAVY_IDLE))


def begin() -> None:
    """Begin the workers that readers need: first the presets', and after them the others'."""
    others = Experiment(layers=MOST_LAYERS)
    workers().when_ready(lambda: workers_for(others))


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
