"""Many readers at once, over the real websocket protocol."""

from __future__ import annotations

import asyncio

from benchmarks.load import crowd
from harness.servers import Server

READERS = 30
SECONDS = 5.0


def test_everyone_in_a_crowd_gets_frames(served: Server) -> None:
    before = len(served.complaints())
    row = asyncio.run(crowd(served, READERS, SECONDS))
    assert row.errors == []
    assert row.closed == 0
    # No figure of this machine's speed: nobody may be left out, and nobody may get much less.
    assert min(row.rates) > 0
    assert max(row.rates) < 3 * min(row.rates)
    assert served.complaints()[before:] == []
