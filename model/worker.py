"""One process that calls functions for this one, and the pipe to it.

Written here, because a frame is small: a pool with queues and threads of its own (``loky``, which
this replaces) took 0.4 ms of the page's CPU for each hand-over and a third of a crowded server's
time; this takes 0.1 ms. Not ``multiprocessing``: it would run the page again in each child, because
Streamlit puts the script in ``__main__``.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

import psutil

Result = TypeVar("Result")

_LENGTH = 8  # bytes that say how many follow

# How long a process that has closed its end of the pipe may take to go, in seconds.
_LAST_BREATH = 1.0

# Windows has no such signal.
_SIGKILL = getattr(signal, "SIGKILL", 9)

# Seconds between two looks at what a worker has come to occupy.
_WEIGHED_EVERY = 1.0


class WorkerDied(RuntimeError):
    """The process ended before it answered."""

    #: Whether the system ended it, as it does when there is no memory left.
    killed = False


class Worker:
    """A process that does one job after the other, for one thread at a time."""

    def __init__(self, environment: Mapping[str, str], idle_seconds: float | None = None) -> None:
        """Begin the process; it ends by itself with this one, or after so long without a job."""
        #: Whether it is still expected to answer.
        self.alive = True
        #: By how many bytes the process has grown since its first jobs.
        self.grown = 0
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(
            # -P: what happens to lie in the present folder is not for import.
            [sys.executable, "-P", "-m", __name__, str(idle_seconds or 0)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **path, **environment},
        )

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function that can be imported there, and wait for its result.

        Raises
        ------
        WorkerDied
            If the process ended first. What the function raises comes through; an error of
            TensorFlow's own as a ``RuntimeError``, because to receive it would mean to import it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        try:
            _send(self._process.stdin, request)
            result, error, self.grown = pickle.loads(_receive(self._process.stdout))
        except (EOFError, OSError):
            died = WorkerDied(f"the worker ended with {self._ended()}")
            died.killed = self._process.returncode == -_SIGKILL
            raise died from None
        except BaseException:
            # Who comes next must not read this answer.
            self.end()
            raise
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]  # it is what the function returned

    def _ended(self) -> int:
        """End the process, and say how it ended: by itself, if it has."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_BREATH)
        self.end()
        return self._process.returncode

    def wait(self) -> None:
        """Wait until the process ends."""
        self._process.wait()

    def end(self) -> None:
        """End the process."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(OSError):  # half a request, perhaps
                stream.close()


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(_LENGTH, "little"))
    stream.write(message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    return _exactly(stream, int.from_bytes(_exactly(stream, _LENGTH), "little"))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    message = stream.read(length)
    if len(message) < length:
        raise EOFError
    return message


def _answer(request: bytes) -> tuple[Any, Exception | None]:
    """The result of a request, or what it raised."""
    try:
        function, arguments = pickle.loads(request)
        return function(*arguments), None
    except Exception as error:
        return None, _portable(error)


def _portable(error: Exception) -> Exception:
    """An error that can be received without TensorFlow, and says where it was raised."""
    where = "".join(traceback.format_exception(error))
    if type(error).__module__.partition(".")[0] in ("keras", "tensorflow"):
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In the worker:\n{where}")
    return error


def _serve(requests: IO[bytes], answers: IO[bytes], idle_seconds: float) -> None:
    """Answer requests until there are no more, or none comes for so long."""
    process = psutil.Process()
    # What is there when it is warm is no growth, nor what its first network takes: a successor
    # would need as much for it, grow as much, and be replaced in its turn.
    weighings, light, grown, weighed = 0, 0, 0, 0.0
    while True:
        idle = threading.Timer(idle_seconds, os._exit, (0,)) if idle_seconds else None
        if idle is not None:
            idle.daemon = True
            idle.start()
        request = _receive(requests)
        if idle is not None:
            idle.cancel()
        result, error = _answer(request)
        if time.monotonic() - weighed > _WEIGHED_EVERY:
            weight, weighed = process.memory_info().rss, time.monotonic()
            weighings += 1
            if weighings <= 2:
                light = weight
            grown = weight - light
        try:
            answer = pickle.dumps((result, error, grown), pickle.HIGHEST_PROTOCOL)
        except Exception as unsendable:
            text = f"{type(unsendable).__name__}: {unsendable}"
            answer = pickle.dumps((None, RuntimeError(text), grown))
        _send(answers, answer)


def _end_with_the_parent() -> None:
    # One whose parent was killed outright would go on with its job for nobody.
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _go_first() -> None:
    """Have the system end this process rather than the page's when there is no memory left."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def _main() -> None:
    _end_with_the_parent()
    _go_first()
    # Ctrl-C in a terminal reaches everybody; it is for the parent to say when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What anything prints goes to the log, and not among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        _serve(sys.stdin.buffer, answers, float(sys.argv[1]))
    except (EOFError, OSError):
        os._exit(0)  # the parent has gone


if __name__ == "__main__":
    _main()
