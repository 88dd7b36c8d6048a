"""For all tests: one pool of warm workers, and what becomes of a test whose program is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Generator

import pytest

from harness import Missing
from model.workers import Workers, workers

# Only a machine on which TensorFlow does not come up at all waits as long.
PATIENCE = 240.0


@pytest.fixture(scope="session")
def pool() -> Workers:
    pool = workers()
    deadline = time.monotonic() + PATIENCE
    while not pool.ready:
        assert pool.error is None
        assert time.monotonic() < deadline, f"TensorFlow did not come up within {PATIENCE:.0f} s"
        time.sleep(0.1)
    return pool


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    return (yield from _skipping())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    return (yield from _skipping())


def _skipping() -> Generator[None]:
    """Skip what wants a program that is not installed; CI has all of them, and fails."""
    try:
        return (yield)
    except Missing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
