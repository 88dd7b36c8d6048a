"""How XLA is to compile the training loop: part of what a run's last digits depend on."""

from __future__ import annotations

import os

FLAGS = (
    # A loop that touches fewer bytes than this a turn becomes one piece of machine code; in any
    # other, XLA starts each operation by itself, which for these networks costs several times the
    # arithmetic. Up to six layers of 16 units, batch 1, are below it, and batches of 64, for which
    # XLA's matrix products are the faster ones, above it.
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=81920",
    # By default half of the widest vector units lies idle.
    "--xla_cpu_prefer_vector_width=512",
)


def set_flags() -> None:
    """Set the flags for this process; has an effect until XLA compiles its first function."""
    os.environ["XLA_FLAGS"] = " ".join([*FLAGS, os.environ.get("XLA_FLAGS", "")]).strip()
