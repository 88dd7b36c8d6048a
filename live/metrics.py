"""What the page counts of itself, for whoever watches the server.

The loop of every session reports here; ``/metrics`` shows it. One process, one set of metrics. A
call costs a microsecond or two, so nobody needs to think before reporting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Our own, so that a test or a notebook can import this twice, and nothing else is on the page.
REGISTRY = CollectorRegistry()

# Twenty frames a second is the most, one a second the least: bounds around both.
_LATENCIES = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)

_sessions = Gauge("middle_layer_sessions", "Readers connected.", registry=REGISTRY)
_training = Gauge("middle_layer_training_sessions", "Readers who train.", registry=REGISTRY)
_waiting = Gauge("middle_layer_queue_length", "Jobs queued or at work.", registry=REGISTRY)
_lobby = Gauge("middle_layer_lobby_length", "Readers who wait for a place.", registry=REGISTRY)
_forgotten = Counter(
    "middle_layer_forgotten_sessions", "Readers who have gone for good.", registry=REGISTRY
)
_frames = Counter("middle_layer_frames", "Frames drawn.", registry=REGISTRY)
_latency = Histogram(
    "middle_layer_frame_interval_seconds",
    "From one frame of a session to its next.",
    registry=REGISTRY,
    buckets=_LATENCIES,
)
_shown = Histogram(
    "middle_layer_shown_seconds",
    "From drawing a frame to the word that the reader's browser has shown it.",
    registry=REGISTRY,
    buckets=_LATENCIES,
)
_trained = Counter(
    "middle_layer_training_seconds", "Spent waiting for the worker's answers.", registry=REGISTRY
)
_diverged = Counter("middle_layer_diverged_runs", "Runs that met NaN.", registry=REGISTRY)
_exports = Counter("middle_layer_exports", "Downloads made.", ["kind"], registry=REGISTRY)


def frame(interval: float, training: float) -> None:
    """A frame was drawn: seconds since the session's last one, and seconds its training took."""
    _frames.inc()
    _latency.observe(interval)
    _trained.inc(training)


def shown(seconds: float) -> None:
    """A browser has shown a frame, so long after it was drawn."""
    _shown.observe(seconds)


@contextmanager
def session() -> Iterator[None]:
    """Count a reader, for as long as the connection lasts."""
    with _sessions.track_inprogress():
        yield


@contextmanager
def training_session() -> Iterator[None]:
    """Count a session that trains, for as long as it does."""
    with _training.track_inprogress():
        yield


def forgotten(sessions: int) -> None:
    """So many readers did not come back in time."""
    _forgotten.inc(sessions)


def diverged() -> None:
    """A run met NaN or infinity."""
    _diverged.inc()


def export(kind: str) -> None:
    """A download was made; ``kind`` is one of a few names, never a reader's text."""
    _exports.labels(kind).inc()


def watch_queue(length: Callable[[], float]) -> None:
    """Ask ``length`` for the number of jobs whenever the meters are read."""
    _waiting.set_function(length)


def in_lobby(readers: int) -> None:
    """So many readers wait for a place."""
    _lobby.set(readers)
