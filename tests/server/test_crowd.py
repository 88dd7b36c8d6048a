"""Many readers at once, over the real websocket protocol."""

from __future__ import annotations

import asyncio

from benchmarks.load import crowd
from harness.servers import Server

# Long enough for everybody's turn to come round several times, on a slow machine too.
READERS = 20
SECONDS = 12.0


def test_everyone_in_a_crowd_gets_frames(served: Server) -> None:
    before = len(served.complaints())
    row = asyncio.run(crowd(served, READERS, SECONDS))
    assert row.errors == []
    assert row.closed == 0
    # No figure of this machine's speed: nobody may be left out, and nobody may get much less.
    assert min(row.rates) > 0
    # On a slow machine a reader has a handful of frames, and one more or less is chance.
    assert max(row.rates) < 3 * (min(row.rates) + 1 / SECONDS)
    assert served.complaints()[before:] == []
