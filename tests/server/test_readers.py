"""What readers do at awkward moments, over the real websocket protocol: nothing breaks."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest

from harness.reader import Reader
from harness.servers import Server
from tests.server.conftest import TOKEN
from tests.server.test_headers import ask

PATIENCE = 200.0

_PARTS = ("network", "estimate", "gradients", "curves")


async def train_and_reset(url: str, times: int) -> Reader:
    """Press Train, and Reset in the middle of it, again and again."""
    async with Reader(url, "layers=3&steps=5000000") as reader:
        await reader.rest(PATIENCE)
        await reader.open("change")
        for _ in range(times):
            await reader.press("train", PATIENCE)
            await asyncio.sleep(0.4)
            await reader.press("reset", PATIENCE)
            await asyncio.sleep(0.1)
        await reader.rest(PATIENCE)
        return reader


def test_who_presses_reset_in_mid_training_stands_at_step_0(served: Server) -> None:
    before = len(served.complaints())

    async def everybody() -> list[Reader]:
        return await asyncio.gather(*(train_and_reset(served.url, 8) for _ in range(6)))

    for reader in asyncio.run(everybody()):
        assert reader.step == 0
        assert reader.errors == []
    assert served.complaints()[before:] == []


@pytest.mark.parametrize("query", ["chapter=half&steps=50", "layers=3&steps=1"])
def test_a_run_that_ends_at_once_ends_without_an_error(served: Server, query: str) -> None:
    before = len(served.complaints())

    async def train() -> Reader:
        async with Reader(served.url, query) as reader:
            await reader.until(lambda: reader.step == 0, PATIENCE)
            await reader.press("train")
            await reader.until(lambda: reader.step == int(query.rpartition("=")[2]), PATIENCE)
            await reader.rest(PATIENCE)
            return reader

    reader = asyncio.run(train())
    assert reader.errors == []
    assert served.complaints()[before:] == []


class Orderly(Reader):
    """Remembers which parts of the page each frame drew."""

    def __init__(self, url: str, query: str) -> None:
        super().__init__(url, query)
        self.came: list[set[str]] = [set()]  # the parts of each frame, the last one unfinished

    def _receive(self, message: Any) -> None:
        before, charts = self._shown, {path: len(times) for path, times in self.drawn.items()}
        super()._receive(message)
        for path, times in self.drawn.items():
            if len(times) > charts.get(path, 0):
                around = [
                    self.blocks[p].id for n in range(len(path)) if (p := path[:n]) in self.blocks
                ]
                self.came[-1] |= {p for p in _PARTS if any(a.endswith(f"-{p}") for a in around)}
        if self._shown != before:
            self.came.append(set())


def test_what_lies_off_the_screen_is_drawn_once_the_rest_is_shown(served: Server) -> None:
    async def train_and_pause() -> list[set[str]]:
        async with Orderly(served.url, "layers=3&steps=5000000") as reader:
            await reader.rest(PATIENCE)
            await reader.press("train", PATIENCE)
            await reader.until(lambda: reader.step > 1_000, PATIENCE)
            await reader.press("train", PATIENCE)
            await reader.rest(PATIENCE)
            return reader.came

    *_, seen, below, nothing = asyncio.run(train_and_pause())
    assert seen == {"network", "estimate", "gradients"}
    assert below == {"curves"}
    assert nothing == set()


def forgotten(served: Server) -> int:
    _, _, body = ask(served.url + "/metrics", {"Authorization": f"Bearer {TOKEN}"})
    found = re.search(rb"^middle_layer_forgotten_sessions_total (\d+)", body, re.M)
    assert found
    return int(found[1])


def test_who_has_gone_for_good_is_forgotten(served: Server) -> None:
    before = forgotten(served)

    async def look() -> None:
        async with Reader(served.url) as reader:
            await reader.rest(PATIENCE)

    asyncio.run(look())
    deadline = time.monotonic() + PATIENCE
    while forgotten(served) == before:
        assert time.monotonic() < deadline
        time.sleep(0.5)
