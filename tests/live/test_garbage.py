"""Garbage is collected, and seldom."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from live import garbage


class Knot:
    """Refers to itself, so that only a look finds that nobody else does."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(garbage, "_looked_at", float("-inf"))
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def test_what_lived_at_one_look_and_died_since_goes_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    knot = Knot()
    gone = weakref.ref(knot)
    assert garbage.collect()
    del knot
    gc.collect()
    assert gone() is not None  # frozen
    assert not garbage.collect()  # just now
    monkeypatch.setattr(garbage, "_looked_at", float("-inf"))
    assert garbage.collect()
    assert gone() is None
