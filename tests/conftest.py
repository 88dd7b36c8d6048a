"""The workers that the page trains with, warm; one pool for all tests."""

from __future__ import annotations

import time

import pytest

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
