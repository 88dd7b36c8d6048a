"""Training in another process: the same numbers, whatever dies, and nothing left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from model import Experiment, Run
from model import workers as module
from model.atlas import Plan
from model.jobs import advance_atlas, warm_up_for_heavy_jobs
from model.line import Asker
from model.run import in_process
from model.workers import (
    Gone,
    TooLittleMemory,
    WorkerError,
    Workers,
    employ,
)
from serving.picture import draw

# Minutes, because machines are slow and noisy: only a test that fails waits as long.
PATIENCE = 180.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    """One worker, warm; without the compiled graphs of the presets, which nobody asks for here."""
    pool = Workers(1, warm_up_for_heavy_jobs)
    wait_until(lambda: pool.ready or pool.error is not None, "TensorFlow")
    assert pool.error is None
    yield pool
    pool.close()


def assert_same(found: tuple[Any, Any], expected: tuple[Any, Any]) -> None:
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(astuple(one), astuple(other), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_worker_trains_to_the_bit_what_this_process_trains(pool: Workers) -> None:
    experiment = Experiment(layers=3, weights="xavier_uniform", optimizer="adam", seed=3)
    begun = in_process(experiment, None, 70)
    assert_same(pool.advance(experiment, None, 70), begun)
    assert_same(pool.advance(experiment, begun[0], 500), in_process(experiment, begun[0], 500))


def test_a_worker_that_dies_in_mid_training_costs_a_retry_and_no_number(pool: Workers) -> None:
    experiment, steps = Experiment(layers=8), 1_000_000  # seconds
    run, undisturbed = Run(experiment, pool.advance), Run(experiment, pool.advance)
    undisturbed.advance(steps)
    worker = psutil.Process(pool.call(os.getpid))
    spent = sum(worker.cpu_times()[:2])
    training = threading.Thread(target=run.advance, args=(steps,))
    training.start()
    wait_until(lambda: sum(worker.cpu_times()[:2]) > spent + 0.3, "the worker to be at work")
    assert training.is_alive()
    worker.kill()
    training.join(PATIENCE)
    assert run.step == steps
    assert pool.call(os.getpid) != worker.pid
    np.testing.assert_array_equal(run.state.parameters, undisturbed.state.parameters)
    np.testing.assert_array_equal(run.history.loss, undisturbed.history.loss)


def test_what_a_step_costs_is_known_once_one_was_taken(pool: Workers) -> None:
    experiment = Experiment(layers=2, width=5)
    assert pool.seconds_per_step(experiment) is None
    pool.advance(experiment, None, 0)
    assert pool.seconds_per_step(experiment) is None
    pool.advance(experiment, None, 100)
    assert pool.seconds_per_step(Experiment(layers=2, width=5, seed=9, learning_rate=0.5)) > 0


def test_what_a_job_raises_comes_through_and_the_worker_lives_on(pool: Workers) -> None:
    worker = pool.call(os.getpid)
    with pytest.raises(ValueError, match="math domain error"):
        pool.call(math.sqrt, -1)
    assert pool.call(os.getpid) == worker


def test_a_job_that_kills_every_worker_ends_in_an_error_and_the_next_job_is_done() -> None:
    pool = Workers(1, warm_up=os.getpid)  # nothing to warm up: it is only there to be killed
    try:
        wait_until(lambda: pool.ready, "a worker")
        with pytest.raises(WorkerError, match="died 3 times"):
            pool.call(os._exit, 1)
        assert pool.call(math.sqrt, 9) == 3
        assert pool.waiting == 0
    finally:
        pool.close()


def test_workers_that_cannot_start_say_so_and_are_never_called_ready() -> None:
    pool = Workers(1, warm_up=os.kill)  # type: ignore[arg-type]  # raises: it lacks arguments
    try:
        wait_until(lambda: pool.error is not None, "the error")
        assert "the worker did not start" in str(pool.error)
        assert not pool.ready
        run = Run(Experiment(), pool.advance)
        with pytest.raises(WorkerError):
            run.advance(10)
        assert not run.begun
    finally:
        pool.close()


def test_workers_that_could_not_start_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.workers._PAUSE", 0.1)
    late = tmp_path / "late"
    pool = Workers(1, warm_up=late.stat)  # type: ignore[arg-type]  # raises until it exists
    try:
        wait_until(lambda: pool.error is not None, "the error")
        late.touch()
        wait_until(lambda: pool.ready, "a worker")
        assert pool.error is None
        assert pool.call(math.sqrt, 9) == 3
    finally:
        pool.close()


def test_more_threads_than_workers_all_get_their_own_answers() -> None:
    pool = Workers(2, warm_up=os.getpid)
    try:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda n: pool.call(math.sqrt, n * n), range(400)))
        assert answers == list(range(400))
        assert pool.waiting == 0
    finally:
        pool.close()


_hoard: list[bytes] = []


def _grow() -> int:
    _hoard.append(b"x" * 200_000_000)
    return os.getpid()


def test_a_worker_that_has_grown_is_replaced_and_nobody_waits_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("model.workers._MOST_GROWTH", 100_000_000)
    pool = Workers(1, warm_up=os.getpid)
    try:
        wait_until(lambda: pool.ready, "a worker")
        time.sleep(1.1)  # it looks at itself once a second
        old = psutil.Process(pool.call(_grow))
        # What its first network takes, any other worker would take as well.
        assert [pool.call(os.getpid) for _ in range(5)] == [old.pid] * 5
        assert len(pool._begun) == 1
        time.sleep(1.1)
        pool.call(_grow)
        wait_until(lambda: pool.call(os.getpid) != old.pid, "the successor")
        assert pool.ready
        wait_until(lambda: not old.is_running(), "the old one to end")
        new = pool.call(os.getpid)
        assert [pool.call(os.getpid) for _ in range(5)] == [new] * 5
    finally:
        pool.close()


def test_what_tensorflow_itself_takes_does_not_count_as_growth() -> None:
    # Or each slice of the atlas would have a new worker, and wait five seconds for it.
    pool = Workers(1, warm_up=warm_up_for_heavy_jobs)
    try:
        worker = pool.call(os.getpid)
        atlas = None
        for _ in range(3):
            time.sleep(1.1)  # it looks at itself once a second
            atlas = pool.call(advance_atlas, Plan(), atlas, 20)
        assert pool.call(os.getpid) == worker
        assert len(pool._begun) == 1
    finally:
        pool.close()


def test_a_worker_loads_nothing_that_only_charts_need_and_can_still_draw_them(
    pool: Workers,
) -> None:
    loaded = "[name in __import__('sys').modules for name in ('keras', 'pandas', 'IPython')]"
    assert pool.call(eval, loaded) == [True, False, False]
    assert pool.call(draw, "A title", "A sentence.", ()).startswith(b"\x89PNG")


def test_a_worker_with_nothing_to_do_ends_and_another_comes_when_it_is_asked_for() -> None:
    pool = Workers(1, warm_up=os.getpid, idle_seconds=0.5)
    try:
        worker = psutil.Process(pool.call(os.getpid))
        wait_until(lambda: not worker.is_running(), "the worker to go")
        assert pool.call(math.sqrt, 9) == 3
    finally:
        pool.close()


def test_a_job_that_nobody_waits_for_any_more_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Workers(1, warm_up=os.getpid)
    told: list[int] = []
    try:
        wait_until(lambda: pool.ready, "a worker")
        long = threading.Thread(target=pool.call, args=(time.sleep, 3))
        long.start()
        wait_until(lambda: pool.waiting == 1, "the worker to be at work")
        monkeypatch.setattr(
            module, "_asker", lambda: Asker("reader", lambda: len(told) < 2, told.append)
        )
        with pytest.raises(Gone):
            pool.call(os._exit, 1)
        assert told == [0, 0]
        long.join()
        monkeypatch.undo()
        assert pool.call(math.sqrt, 9) == 3
    finally:
        pool.close()


def _be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_the_system_ended_for_lack_of_memory_is_said_to_have_been() -> None:
    pool = Workers(1, warm_up=os.getpid)
    try:
        with pytest.raises(TooLittleMemory, match="too little memory"):
            pool.call(_be_killed)
    finally:
        pool.close()


def test_where_there_is_no_room_for_two_a_grown_worker_goes_before_its_successor_comes() -> None:
    pool = Workers(1, warm_up=os.getpid, most_growth=100_000_000, spare=False)
    try:
        pool.call(os.getpid)
        time.sleep(1.1)  # it looks at itself once a second
        old = pool.call(_grow)
        time.sleep(1.1)
        assert pool.call(_grow) == old
        assert not psutil.pid_exists(old)
        assert pool.call(os.getpid) != old
    finally:
        pool.close()


@pytest.mark.parametrize(("memory", "pools"), [(3_000, 3), (1_024, 2), (512, 1)])
def test_a_small_machine_has_fewer_processes(
    memory: int, pools: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pool:
        def __init__(self, *_: object, **__: object) -> None: ...
        def wake(self) -> None: ...

    monkeypatch.setattr(module, "Workers", Pool)
    monkeypatch.setattr(module, "_pools", {})
    monkeypatch.setattr(module, "_memory", 0)
    monkeypatch.setattr(module, "_employed", 1)
    employ(1, memory)
    odd = Experiment(layers=8)
    found = {
        id(pool) for pool in (module.workers(), module.workers_for(odd), module.heavy_workers())
    }
    assert len(found) == pools


def test_what_a_job_prints_does_not_get_among_the_answers(pool: Workers) -> None:
    assert pool.call(print, "x" * 100) is None
    assert pool.call(os.system, "echo from a child") == 0
    assert pool.call(math.sqrt, 9) == 3


def test_a_result_that_cannot_be_sent_is_an_error_and_the_next_job_is_done(pool: Workers) -> None:
    with pytest.raises(RuntimeError, match="pickle"):
        pool.call(threading.Lock)
    assert pool.call(math.sqrt, 9) == 3


def python(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )


def test_the_process_that_asks_for_training_never_has_tensorflow_or_keras() -> None:
    process = python(
        """
        import os, sys
        import model.atlas, model.chain, model.diagnosis, model.link
        from model import Experiment, Run, workers
        pool = workers.Workers(1, warm_up=os.getpid)
        run = Run(Experiment(layers=3), pool.advance)
        run.advance(20)
        model.diagnosis.diagnose(run), model.chain.factors(run), run.estimate(0.5)
        roots = {name.partition(".")[0] for name in sys.modules}
        print(run.step, sorted(roots & {"tensorflow", "keras"}))
        pool.close()
        """
    )
    assert process.communicate(timeout=PATIENCE)[0].split("\n")[0] == "20 []"


def test_a_worker_whose_parent_is_killed_ends_in_mid_training() -> None:
    parent = python(
        """
        import os, threading
        from model import Experiment, jobs, workers
        pool = workers.Workers(1, jobs.warm_up_for_heavy_jobs)
        print(pool.call(os.getpid), flush=True)
        while True:
            pool.advance(Experiment(), None, 1_000_000)
        """
    )
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    spent = sum(worker.cpu_times()[:2])
    wait_until(lambda: sum(worker.cpu_times()[:2]) > spent + 0.5, "the worker to be at work")
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    wait_until(lambda: not worker.is_running(), "the orphan to end")


def _ask_tensorflow_for_the_impossible() -> None:
    import tensorflow as tf

    tf.reshape(tf.zeros([3]), [2])


def test_an_error_of_tensorflows_own_arrives_without_tensorflow(pool: Workers) -> None:
    with pytest.raises(RuntimeError, match="InvalidArgumentError") as raised:
        pool.call(_ask_tensorflow_for_the_impossible)
    assert type(raised.value) is RuntimeError
