"""Short forms of the benchmark's attacks: the server lives on, and so do its readers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from benchmarks.siege import ATTACKS, Seen, besiege, training
from harness.servers import Server, serving_without_names

READERS, SIZE, SECONDS, CALM = 3, 12, 3.0, 1.0


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_without_names(tmp_path_factory.mktemp("besieged") / "server.log") as server:
        yield server


@pytest.mark.parametrize("name", ["origins", "uploads", "endless", "reruns"])
def test_readers_go_on_whatever_a_stranger_does(besieged: Server, name: str) -> None:
    async def look() -> tuple[Seen, list[str]]:
        async with training(besieged, READERS) as crowd:
            seen = await besiege(besieged, crowd, ATTACKS[name], SIZE, SECONDS, CALM)
            for reader in crowd:
                # Every one of them, and not only the crowd as a whole.
                drawn = len(reader.frames)
                await reader.until(lambda: len(reader.frames) > drawn, 60)  # noqa: B023
            return seen, [error for reader in crowd for error in reader.errors]

    before = len(besieged.complaints())
    seen, errors = asyncio.run(look())
    assert errors == []
    assert seen.newcomer is not None
    assert seen.network is not None
    start, highest, _ = seen.memory
    assert highest - start < 100 * 2**20
    complaints = "\n".join(besieged.complaints()[before:])
    assert "Traceback" not in complaints, complaints
    assert "looked for a name" not in complaints
    assert len(complaints.splitlines()) < 10
