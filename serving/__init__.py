"""What a public server adds to the page: readiness, cards for links, headers, metrics, a log."""

import os

# Arrow reads it once, when it is first used. Its own allocator holds back memory in every thread,
# and each reader has one: with a hundred of them 25 MiB, of which 10 stayed when they had left.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
