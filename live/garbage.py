"""When Python looks for garbage: seldom, for it looks at all that there is while everybody waits.

Streamlit would have it look after each run of the script (half of a crowded server's time,
measured; .streamlit/config.toml says no), and a frame makes some thousand objects and hardly a
cycle, so Python need not look for them every few frames either (another quarter). What is still
alive after a look is frozen: only the next full look comes to it again.
"""

from __future__ import annotations

import gc
import time

# Seconds between two full looks, of 50 to 400 ms (a hundred readers).
EVERY = 30.0

# Objects made before the youngest are looked at, and how many such looks make an older one.
_YOUNG = (50_000, 50, 50)

_looked_at = float("-inf")


def collect() -> bool:
    """Collect all garbage, unless that has been done just now; whether it was done."""
    global _looked_at
    now = time.monotonic()
    if now - _looked_at < EVERY:
        return False
    _looked_at = now
    gc.set_threshold(*_YOUNG)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return True
